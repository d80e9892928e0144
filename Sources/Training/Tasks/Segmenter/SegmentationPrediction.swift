import Datasets
import Tensors

/// `predict` of a segmentation: a mask with the classes' numbers, and the image with the classes' colours over it.
struct SegmentationPrediction: TaskPrediction {
  private let predictor: ClassPredictor
  private let classes: ClassList

  init(_ segmenter: Segmenter, _ trained: TrainedModel) throws {
    predictor = ClassPredictor(segmenter, engine: trained.engine, store: trained.store)
    classes = try trained.classes?.list ?? SegmentationSplit.classes(of: trained.configuration)
  }

  var categories: [COCOCategory] { classes.categories }

  /// Where the mask of a drawing NAME.png goes: NAME-classes.png.
  static func maskPath(beside drawing: String) -> String { "\(drawing.dropLast(4))-classes.png" }

  func predict(_ image: RGBImage, id: Int, drawing path: String) throws -> String {
    let mask = predictor.mask(of: image)
    try image.drawing(mask, classes: classes).write(to: path)
    try writeFile(mask.pngFile(), to: Self.maskPath(beside: path))
    let counts = mask.classes.reduce(into: [UInt8: Int]()) { $0[$1, default: 0] += 1 }
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { number, count in
      let share = 100 * Double(count) / Double(mask.classes.count)
      return "\(shown(classes.name(Int(number)))) \(NumberText.fixed(share, 1)) %"
    }.joined(separator: ", ")
  }

  func finish(in directory: String) throws -> [String] {
    let file = "\(directory)/classes.json"
    try writeJSON(classes.entries.indices.map { classes.name($0) }, to: file)
    return ["names of the numbers in the masks -> \(file)"]
  }
}

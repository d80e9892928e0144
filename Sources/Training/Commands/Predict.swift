import Datasets
import Detection
import Foundation
import Tensors

/// `predict`: boxes of single images as COCO results, and the images with the boxes drawn.
public struct PredictRequest: Sendable {
  /// A run directory, a checkpoint set or a `.safetensors` file.
  public var checkpoint: String
  /// Where the configuration comes from.
  public var configuration: CheckpointConfiguration
  /// The directory that gets `results.json` and the pictures.
  public var output: String
  /// The images, JPEG or PNG files.
  public var images: [FilePath]
  /// Detections below this score are written but not drawn.
  public var drawnScore: Float

  /// A request.
  public init(
    checkpoint: String, configuration: CheckpointConfiguration, output: String, images: [FilePath],
    drawnScore: Float = 0.3
  ) {
    (self.checkpoint, self.configuration, self.output) = (checkpoint, configuration, output)
    (self.images, self.drawnScore) = (images, drawnScore)
  }

  /// Predicts in this process and returns; throws what the user can mend.
  ///
  /// The image id of a result is the image's place among the arguments, from 1; `images.json` says which is which. Names
  /// and ids of categories are the checkpoint's. Where it names none, they are those of the validation annotations, if
  /// these can be had, else the ids are the class numbers.
  public func run(_ console: Console) throws {
    let pictures = try picturePaths()
    let trained = try TrainedModel(
      checkpoint: checkpoint, configuration: configuration.resolve, warn: { console.warn($0) })
    let detector = try trained.detector(for: "predict")
    if let warning = trained.warningOfClasses(checkpoint) { console.warn(warning) }
    let classes = trained.classes?.list ?? (try? DetectionSplit(.validation, of: trained.configuration).dataset.classes)
    let predictor = Predictor(detector, engine: trained.engine, store: trained.store)
    try RunDirectory.createDirectory(output)
    let reader = ImageReader()
    var results: [COCOResult] = []
    var nameless = 0
    for (index, path) in images.enumerated() {
      try reader.read(path, trained.configuration.data.orientation)
      if reader.orientation != .upright && trained.configuration.data.orientation == .auto {
        console.warn(
          "\(shown(path.description)): states EXIF orientation \(reader.orientation.rawValue) and is taken as stored; say "
            + "--set data.orientation=apply, which turns it as viewers do, or ignore")
      }
      let all = try predictor.detections(in: reader)
      let detections = classes.map { classes in all.filter { classes[$0.classIndex] != nil } } ?? all
      nameless += all.count - detections.count
      results += detections.map { detection in
        COCOResult(
          detection, imageID: index + 1,
          categoryID: classes?[detection.classIndex]?.id ?? detection.classIndex)
      }
      let drawn = detections.filter { $0.score >= drawnScore }
      try draw(drawn, on: reader.image, classes: classes).write(to: pictures[index])
      console.say(
        "\(shown(path.description)): \(drawn.count) objects from score \(drawnScore) on -> \(shown(pictures[index]))")
    }
    try COCOResults.write(results, to: "\(output)/results.json")
    try writeJSON(
      images.enumerated().map { ImageName(id: $0.offset + 1, file_name: "\($0.element)") }, to: "\(output)/images.json")
    if nameless > 0 { console.say("left out: \(nameless) detections of numbers that stand for no category") }
    console.say("\(results.count) detections -> \(output)/results.json")
  }

  /// Where the drawings go: by the images' names, with their ids before them where two images have one name.
  ///
  /// Throws 64 when a drawing would take the place of an image.
  private func picturePaths() throws -> [String] {
    let names = images.map { URL(fileURLWithPath: "\($0)").deletingPathExtension().lastPathComponent }
    let areUnique = Set(names).count == names.count
    let paths = names.enumerated().map { "\(output)/\(areUnique ? "" : "\($0.offset + 1)-")\($0.element).png" }
    func file(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
    let originals = Set(images.map { file("\($0)") })
    if let taken = paths.first(where: { originals.contains(file($0)) }) {
      throw InputError(
        .usage, "--output \(output): the drawing \(taken) would take the place of an image; give another directory")
    }
    return paths
  }

  private struct ImageName: Encodable {
    let id: Int
    let file_name: String
  }
}

/// An image with its detections drawn on it.
func draw(_ detections: [Detection], on image: RGBImage, classes: ClassList?) -> RGBImage {
  image.drawing(
    detections.map { detection in
      LabeledBox(
        corners: SIMD4(detection.box.x1, detection.box.y1, detection.box.x2, detection.box.y2),
        label: classes?.name(detection.classIndex) ?? "class \(detection.classIndex)",
        score: detection.score, classNumber: detection.classIndex)
    })
}

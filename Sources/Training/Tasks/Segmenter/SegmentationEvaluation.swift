import Datasets
import Distributed
import Segmentation
import Tensors

/// What an evaluation of a segmentation found.
struct SegmentationEvaluation: TaskEvaluation {
  static var decisiveFigure: String { "mIoU" }

  /// Every pixel of every image that is not void.
  let confusion: ConfusionMatrix
  /// The predicted masks of the first few images.
  let firstMasks: [ClassMask]
  /// The images that were evaluated.
  let dataset: SegmentationDataset
  let seconds: Double

  /// The mean of the classes' intersections over unions, and the share of pixels that are right.
  var figures: [(name: String, value: Double)] {
    [("mIoU", confusion.meanIntersectionOverUnion), ("pixel_accuracy", confusion.pixelAccuracy)]
  }

  /// The intersection over union of each class; -1 for one that is neither in the masks nor predicted.
  var classFigures: [(name: String, value: Double)] {
    confusion.intersectionsOverUnions.enumerated().map { (dataset.classes.name($0), $1) }
  }

  private struct Figures: Encodable {
    let images: Int
    let mIoU: Double
    let pixel_accuracy: Double
    let per_class_IoU: [String: Double]
    /// Pixels of each class, row by row, that were taken for each class.
    let confusion_matrix: [[Int]]
  }

  func writeFigures(to path: String) throws {
    let figures = Figures(
      images: dataset.count, mIoU: confusion.meanIntersectionOverUnion, pixel_accuracy: confusion.pixelAccuracy,
      per_class_IoU: Dictionary(classFigures.map { ($0.name, $0.value) }) { first, _ in first },
      confusion_matrix: confusion.rows)
    try writeJSON(figures, to: path)
  }

  func write(to directory: EvaluationDirectory, isLast: Bool) throws -> [String] {
    try directory.create()
    try writeFigures(to: directory.metricsFile)
    if !isLast { return [] }
    let pictures = "\(directory.path)/pictures"
    try RunDirectory.createEntry(pictures)
    let reader = SegmentationReader()
    for (position, mask) in firstMasks.enumerated() {
      _ = try reader.read(dataset, at: position)
      let name = dataset.imagePath(at: position).split(separator: "/").last?.split(separator: ".").first ?? ""
      try reader.image.drawing(mask, classes: dataset.classes).write(to: "\(pictures)/\(position + 1)-\(name).png")
    }
    return ["pictures with their classes: \(pictures)"]
  }
}

/// Judges a segmentation on the validation images of its configuration.
struct SegmentationEvaluator: TaskEvaluator {
  let predictor: ClassPredictor
  let dataset: SegmentationDataset
  let census: DataCensus?
  var imageCount: Int { dataset.count }
  /// Outputs of the network.
  let classCount: Int

  /// Images whose masks are drawn.
  private static let pictureCount = 8

  func evaluate(
    dropBlock: InferenceDropBlock, communicator: Communicator, isStopped: () -> Bool
  ) throws -> SegmentationEvaluation? {
    let start = monotonicSeconds()
    predictor.weightsChanged()
    let reader = SegmentationReader()
    var confusion = ConfusionMatrix(classCount: classCount)
    var masks: [ClassMask] = []
    try communicator.dealOut(dataset.count, isStopped: isStopped) { position in
      let truth = try reader.read(dataset, at: position)
      let mask = predictor.mask(of: reader.image, dropBlock, number: position)
      confusion.add(truth: truth.classes, prediction: mask.classes)
      if position < Self.pictureCount { masks.append(mask) }
    }
    var counts = confusion.counts.map(Int64.init)
    try communicator.allreduce(&counts, .sum)
    let firstMasks = try communicator.gather(masks.flatMap(\.bytes))
    if communicator.rank != 0 { return nil }
    return SegmentationEvaluation(
      confusion: ConfusionMatrix(classCount: classCount, counts: counts.map(Int.init)),
      firstMasks: ClassMask.inTurn(firstMasks.map(ClassMask.list)), dataset: dataset,
      seconds: monotonicSeconds() - start)
  }
}

extension ClassMask {
  /// Width, height and classes, for other ranks.
  fileprivate var bytes: [UInt8] {
    [width, height].flatMap { number in withUnsafeBytes(of: Int64(number)) { Array($0) } } + classes
  }

  /// The masks of such bytes.
  fileprivate static func list(_ bytes: [UInt8]) -> [ClassMask] {
    var (masks, rest): ([ClassMask], ArraySlice<UInt8>) = ([], bytes[...])
    func number(at place: Int) -> Int {
      rest.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: place, as: Int64.self)) }
    }
    while !rest.isEmpty {
      let (width, height) = (number(at: 0), number(at: 8))
      masks.append(
        ClassMask(width: width, height: height, classes: Array(rest.dropFirst(16).prefix(width * height))))
      rest = rest.dropFirst(16 + width * height)
    }
    return masks
  }

  /// The masks of all ranks, which were dealt to them in turn, in their order.
  fileprivate static func inTurn(_ ofRanks: [[ClassMask]]) -> [ClassMask] {
    (0..<(ofRanks.map(\.count).max() ?? 0)).flatMap { round in
      ofRanks.compactMap { $0.indices.contains(round) ? $0[round] : nil }
    }
  }
}

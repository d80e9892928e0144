import Datasets
import Foundation
import Tensors

/// What is wrong with a data set: all of its annotations and file names, and a sample of its picture files decoded.
struct DatasetFaults {
  /// Pictures that are decoded, evenly over the data set.
  static let sampleSize = 64

  /// What the data set holds, in a line.
  private(set) var contents: String
  /// Boxes without area.
  private(set) var flatBoxes = 0
  /// Listed pictures that are not there.
  private(set) var missing = 0
  /// Pictures of the sample that cannot be read, or have another size than listed.
  private(set) var unreadable = 0
  /// Pictures of the sample that were decoded.
  private(set) var decoded = 0
  private var examples: [String] = []

  /// All of them together.
  var count: Int { flatBoxes + missing + unreadable }

  /// Looks at a detector's data set.
  init(_ dataset: DetectionDataset) {
    let index = dataset.index
    var (objects, empty) = (0, 0)
    // One listing is quicker than a look at each file, most of all over a network.
    let listing = Set((try? FileManager.default.contentsOfDirectory(atPath: dataset.imageDirectory)) ?? [])
    var missing: Set<Int> = []
    for position in 0..<index.imageCount {
      let found = dataset.objects(at: position)
      objects += found.boxes.count
      if found.boxes.isEmpty { empty += 1 }
      flatBoxes += found.faults.count
      for fault in found.faults { Self.keep(fault.cause, in: &examples) }
      let name = index.image(at: position).fileName
      if listing.contains(name) || name.contains("/") && access(dataset.imagePath(at: position), F_OK) == 0 { continue }
      missing.insert(position)
      Self.keep("\(dataset.imagePath(at: position)) is missing", in: &examples)
    }
    self.missing = missing.count
    contents =
      "\(index.imageCount) images with \(objects) objects in \(index.categories.count) categories, \(empty) without any"
    let reader = ImageReader()
    decodeSample(of: index.imageCount) { position in
      if missing.contains(position) { return false }
      try reader.read(dataset, at: position)
      return true
    }
  }

  /// Looks at a classifier's data set.
  init(_ dataset: ClassificationDataset) {
    let counts = dataset.countsOfClasses
    let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
    contents =
      "\(dataset.count) images of \(counts.count) classes, \(least == most ? "\(least)" : "\(least) to \(most)") of each"
    let reader = ImageReader()
    if dataset.imagePath(at: 0) == nil { return }
    decodeSample(of: dataset.count) { position in
      guard let path = dataset.imagePath(at: position) else { return false }
      try reader.read(path)
      return true
    }
  }

  /// Decodes pictures evenly over the data set; `decode` says whether there was one.
  private mutating func decodeSample(of count: Int, _ decode: (_ position: Int) throws -> Bool) {
    let step = max(1, count / Self.sampleSize)
    for position in stride(from: 0, to: count, by: step).prefix(Self.sampleSize) {
      do {
        if try decode(position) { decoded += 1 }
      } catch {
        unreadable += 1
        Self.keep("\(error)", in: &examples)
      }
    }
    contents += "; decoded \(decoded)"
  }

  /// The counts and the first of each kind.
  var text: String {
    let counts = [
      (flatBoxes, "boxes without area"), (missing, "missing images"), (unreadable, "unreadable images in the sample"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return counts.joined(separator: ", ") + ": " + examples.joined(separator: "; ")
  }

  private static func keep(_ example: String, in examples: inout [String]) {
    if examples.count < 3 { examples.append(shown(example)) }
  }
}

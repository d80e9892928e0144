import Datasets
import Foundation
import Tensors

extension RunCheck {
  /// Whether the configuration is one that can be run on this processor.
  static var configuration: [RunCheck] {
    [
      RunCheck("precision") { context in
        try context.configuration.requireRunnable()
        return context.isFirstOfHost ? [.ok(context.configuration.precision.rawValue, on: context.host)] : []
      }
    ]
  }

  /// What `doctor` looks at in the images and annotations of each host.
  static func data(_ survey: RunSurvey) -> [RunCheck] {
    [
      RunCheck("batch") { context in
        let batch = try survey.batch()
        if context.communicator.rank != 0 { return [] }
        return [.ok("\(batch.global) images an update, \(batch.perRank) a rank and pass, \(batch.accumulate) passes")]
      },
      RunCheck("training data") { context in
        let input = try survey.openTrainingInput()
        guard context.isFirstOfHost else { return [] }
        let faults: DatasetFaults
        switch input {
        case let input as DetectionInput: faults = DatasetFaults(input.source.dataset)
        default: return [.ok("\(input.contents); \(input.schedule.stepsPerEpoch) steps an epoch", on: context.host)]
        }
        let allowed = context.configuration.data.maxFaults
        let summary = "\(faults.contents); \(input.schedule.stepsPerEpoch) steps an epoch"
        if faults.count == 0 { return [.ok(summary, on: context.host)] }
        let text = "\(summary); \(faults.text)"
        if faults.decoded == 0 {
          return [
            .problem(.badData, text, remedy: "say where the images lie with data.train.images=DIR", on: context.host)
          ]
        }
        if faults.count > allowed {
          return [
            .problem(
              .badData, "\(text); data.max_faults allows \(allowed)",
              remedy: "mend the data, or --set data.max_faults=\(faults.count)", on: context.host)
          ]
        }
        return [.warning(text, remedy: "training leaves them out and names each", on: context.host)]
      },
      RunCheck("validation data") { context in
        let faults: DatasetFaults
        switch context.configuration.model.name {
        case .retinaNet:
          let split = try DetectionSplit(.validation, of: context.configuration, communicator: context.communicator)
          guard context.isFirstOfHost else { return [] }
          faults = DatasetFaults(split.dataset)
        case .resNet: return []
        }
        if faults.count == 0 { return [.ok(faults.contents, on: context.host)] }
        return [
          .problem(
            .badData, "\(faults.contents); \(faults.text)",
            remedy: "evaluation leaves nothing out: mend these files", on: context.host)
        ]
      },
    ]
  }
}

/// What is wrong with a data set: all of its annotations and file names, and a sample of its pictures decoded.
struct DatasetFaults {
  /// Pictures that are decoded, evenly over the data set.
  static let sampleSize = 64

  /// What the data set holds, in a line.
  let contents: String
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

  /// Looks at a data set.
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
    let reader = ImageReader()
    let step = max(1, index.imageCount / Self.sampleSize)
    for position in stride(from: 0, to: index.imageCount, by: step).prefix(Self.sampleSize)
    where !missing.contains(position) {
      do {
        try reader.read(dataset, at: position)
        decoded += 1
      } catch {
        unreadable += 1
        Self.keep("\(error)", in: &examples)
      }
    }
    contents =
      "\(index.imageCount) images with \(objects) objects in \(index.categories.count) categories, \(empty) without any; "
      + "decoded \(decoded)"
  }

  /// The counts and the first of each kind.
  var text: String {
    let counts = [
      (flatBoxes, "boxes without area"), (missing, "missing images"), (unreadable, "unreadable images in the sample"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return counts.joined(separator: ", ") + ": " + examples.joined(separator: "; ")
  }

  private static func keep(_ example: String, in examples: inout [String]) {
    if examples.count < 3 { examples.append(example) }
  }
}

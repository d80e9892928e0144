extension Configuration {
  /// What a model is trained to do.
  public enum TaskKind: String, CaseIterable, Sendable {
    /// Boxes and classes of the objects of an image.
    case detector
    /// The class of an image.
    case classifier

    /// Keys that only this task reads.
    fileprivate var ownKeys: [String] {
      switch self {
      case .detector:
        [
          "input.scale_min", "input.scale_max", "input.evaluation.size", "input.evaluation.bounds", "loss.focal_alpha",
          "loss.focal_gamma",
          "loss.huber_delta", "loss.box_weight", "loss.normalizer",
        ]
      case .classifier:
        [
          "input.crop", "input.crop_padding", "input.crop_area_min", "input.auto_augment", "input.cutout",
          "input.interpolation", "input.evaluation.crop_fraction", "loss.label_smoothing",
        ]
      }
    }
  }

  /// Why nothing reads a key beside the model and the data that are configured; nil where something may.
  func reasonNothingReads(_ key: String) -> String? {
    let task = model.name.task
    for other in TaskKind.allCases where other != task && other.ownKeys.contains(key) {
      return "only a \(other.rawValue) knows it, and model.name is \(model.name.rawValue); remove this key"
    }
    for (start, kinds) in Self.keysOfData where key.hasPrefix(start) && !kinds.contains(data.kind) {
      let names = kinds.map(\.rawValue).joined(separator: " or ")
      return "only data.kind \(names) has it, and data.kind is \(data.kind.rawValue); remove this key"
    }
    return nil
  }

  /// How keys start that only some kinds of data have.
  private static let keysOfData: [(start: String, kinds: [Kind])] = [
    ("data.shapes.", [.shapes]), ("data.train.annotations", [.coco]), ("data.val.annotations", [.coco]),
    ("data.train.labels", [.mnist]), ("data.val.labels", [.mnist]), ("data.train.files", [.cifar10]),
    ("data.val.files", [.cifar10]), ("data.train.images", [.coco, .imageFolder, .mnist]),
    ("data.val.images", [.coco, .imageFolder, .mnist]),
  ]
}

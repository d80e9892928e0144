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

  /// Why nothing reads a key beside the model that is configured; nil where something may.
  func reasonNothingReads(_ key: String) -> String? {
    let task = model.name.task
    for other in TaskKind.allCases where other != task && other.ownKeys.contains(key) {
      return "only a \(other.rawValue) knows it, and model.name is \(model.name.rawValue); remove this key"
    }
    return nil
  }
}

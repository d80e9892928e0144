extension Configuration {
  /// What a model is trained to do.
  public enum TaskKind: String, CaseIterable, Sendable {
    /// Boxes and classes of the objects of an image.
    case detector
    /// The class of each pixel of an image.
    case segmenter
    /// The class of an image.
    case classifier

    /// Keys that this task reads and not every other one does.
    fileprivate var ownKeys: Set<String> {
      switch self {
      case .detector:
        [
          "input.scale_min", "input.scale_max", "input.evaluation.size", "input.evaluation.bounds", "loss.focal_alpha",
          "loss.focal_gamma", "loss.huber_delta", "loss.box_weight", "loss.normalizer",
        ]
      case .segmenter:
        [
          "data.classes", "data.train.list", "data.val.list", "input.scale_min", "input.scale_max",
          "input.evaluation.size",
          "loss.normalizer",
        ]
      case .classifier:
        [
          "input.crop", "input.crop_padding", "input.crop_area_min", "input.auto_augment", "input.cutout",
          "input.interpolation", "input.evaluation.crop_fraction", "loss.label_smoothing",
        ]
      }
    }

    /// Throws `ConfigurationError.impossible` where a configuration is not one for this task.
    func checkRules(_ configuration: Configuration) throws {
      switch self {
      case .detector: try configuration.checkDetector()
      case .segmenter: try configuration.checkSegmenter()
      case .classifier: try configuration.checkClassifier()
      }
    }
  }

  /// Why nothing reads a key beside the model that is configured; nil where something may.
  func reasonNothingReads(_ key: String) -> String? {
    let readers = TaskKind.allCases.filter { $0.ownKeys.contains(key) }
    if readers.isEmpty || readers.contains(model.name.task) { return nil }
    let names = readers.map { "a \($0.rawValue)" }.joined(separator: " and ")
    return
      "only \(names) \(readers.count == 1 ? "knows" : "know") it, and model.name is \(model.name.rawValue); remove this key"
  }
}

/// When a run is evaluated besides after its last step; in YAML `auto`, a length such as `2 epochs`, or `null`.
public enum EvaluationInterval: Equatable, Sendable {
  /// After every epoch where the validation set is small, also beside the training set; else not at all.
  case automatic
  /// Not at all.
  case never
  /// Whenever so much has been trained.
  case every(TrainingSpan)

  /// Validation images that `automatic` takes for few.
  public static let fewImages = 1000

  /// The steps from one evaluation to the next; nil for none before the last step.
  func steps(stepsPerEpoch: Int, trainingImages: Int, validationImages: Int) -> Int? {
    switch self {
    case .automatic: validationImages <= min(Self.fewImages, trainingImages) ? stepsPerEpoch : nil
    case .never: nil
    case .every(let span): span.steps(stepsPerEpoch: stepsPerEpoch)
    }
  }
}

extension EvaluationInterval: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "auto, \(TrainingSpan.expectation(limits)), or null" }

  init?(_ content: ConfigurationContent) {
    if content.plain == "auto" {
      self = .automatic
    } else if let span = TrainingSpan?(content) {
      self = span.map(Self.every) ?? .never
    } else {
      return nil
    }
  }

  var yaml: String {
    switch self {
    case .automatic: "auto"
    case .never: "null"
    case .every(let span): span.yaml
    }
  }
}

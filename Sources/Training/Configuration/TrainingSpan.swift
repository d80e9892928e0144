/// A length of training; in YAML `500 steps` or `1.5 epochs`.
public enum TrainingSpan: Equatable, Sendable {
  /// So many updates of the weights.
  case steps(Int)
  /// So many passes over the training images.
  case epochs(Double)

  /// The length in steps, epochs rounded to the nearest step; a length above 0 is at least one step.
  public func steps(stepsPerEpoch: Int) -> Int {
    switch self {
    case .steps(let steps): steps
    case .epochs(let epochs): max(epochs > 0 ? 1 : 0, Int((epochs * Double(stepsPerEpoch)).rounded()))
    }
  }
}

extension TrainingSpan: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "a length such as \"500 steps\" or \"1.5 epochs\"" }

  init?(_ content: ConfigurationContent) {
    guard let words = content.text?.split(separator: " "), words.count == 2 else { return nil }
    switch words[1] {
    case "step", "steps":
      guard let steps = Int(words[0]), (0...1_000_000_000_000).contains(steps) else { return nil }
      self = .steps(steps)
    case "epoch", "epochs":
      guard let epochs = Double(words[0]), (0...1_000_000).contains(epochs) else { return nil }
      self = .epochs(epochs)
    default: return nil
    }
  }

  var yaml: String {
    switch self {
    case .steps(let steps): steps == 1 ? "1 step" : "\(steps) steps"
    case .epochs(1): "1 epoch"
    case .epochs(let epochs): epochs == epochs.rounded() ? "\(Int(epochs)) epochs" : "\(epochs) epochs"
    }
  }
}

import Tensors

/// A training step as one line of text.
struct ProgressLine {
  let metrics: TrainingMetrics
  let totalSteps: Int
  let secondsLeft: Double

  /// The complete line, for a plain console and the log.
  var plain: String {
    let total = "\(totalSteps)"
    let step = NumberText.right("\(metrics.step)", total.count)
    return "step \(step)/\(total)  epoch \(NumberText.fixed(metrics.epoch, 2))  \(loss)  "
      + "rate \(NumberText.significant(metrics.learningRate))  \(speed)  left \(NumberText.duration(secondsLeft))"
  }

  /// A bar with the most important figures, no wider than `columns`.
  func bar(columns: Int) -> String {
    let figures =
      "  \(metrics.step)/\(totalSteps)  loss \(NumberText.fixed(metrics.loss, 4))  \(speed)  "
      + "left \(NumberText.duration(secondsLeft))"
    let width = min(30, columns - figures.count - 3)
    guard width >= 5 else { return String(figures.dropFirst(2).prefix(max(0, columns - 1))) }
    let filled = totalSteps > 0 ? width * min(metrics.step, totalSteps) / totalSteps : 0
    return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled) + "]" + figures
  }

  private var loss: String {
    let parts = metrics.parts.map {
      "\($0.name.replacing("loss_", with: "")) \(NumberText.fixed($0.value, 4))"
    }
    return "loss \(NumberText.fixed(metrics.loss, 4)) (\(parts.joined(separator: ", ")))"
  }

  private var speed: String { "\(NumberText.significant(metrics.imagesPerSecond)) images/s" }
}

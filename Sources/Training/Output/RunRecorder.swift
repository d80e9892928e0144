import Foundation
import Tensors

/// Everything that rank 0 writes down about a run: metrics, TensorBoard events, the console and its log.
///
/// Other ranks hold none of it; they need no run directory that they can write.
public final class RunRecorder: Sendable {
  /// Where the run is recorded.
  public let directory: RunDirectory
  private let console: Console
  private let metrics: MetricsFile
  private let events: EventFile
  private let history: RunHistory

  /// Opens the files of a run that has done `step` updates, 0 for a new one; the directory exists already.
  ///
  /// From now on the console is copied to `log.txt`.
  /// - Throws: `InputError` with code 73.
  public init(
    directory: RunDirectory, console: Console, resumingAt step: Int, owesEvaluation: Bool = false
  ) throws {
    (self.directory, self.console) = (directory, console)
    console.mirror(to: try AppendingFile(path: directory.logFile))
    metrics = try MetricsFile(path: directory.metricsFile, resumingAt: step, owesEvaluation: owesEvaluation)
    events = try EventFile(directory: directory, resumingAt: step)
    history = try RunHistory(path: directory.historyFile)
  }

  /// Notes what happened to the run.
  ///
  /// A disk that has no room for it is told by the metrics, which are written more often.
  func note(_ event: RunEvent) { try? history.append(event) }

  /// Writes the page that shows the run; one that cannot be made is a warning.
  func writeReport() {
    do {
      let page = try RunReport(run: RunFiles(directory.path)).page()
      try RunDirectory.replace(directory.reportFile, with: page.html)
    } catch {
      console.warn("\(directory.reportFile) is not written: \(error)")
    }
  }

  /// Records a training step everywhere.
  ///
  /// - Throws: `InputError` with code 73.
  public func record(_ step: TrainingMetrics, totalSteps: Int, secondsLeft: Double) throws {
    console.progress(step, totalSteps: totalSteps, secondsLeft: secondsLeft)
    try metrics.append(step.row)
    try events.append(step.row)
  }

  /// Records an evaluation everywhere, with the precision of each class on the console.
  ///
  /// - Throws: `InputError` with code 73.
  public func record(_ evaluation: EvaluationMetrics, classes: [(name: String, value: Double)] = []) throws {
    console.say(
      "evaluation after step \(evaluation.step) (epoch \(NumberText.fixed(evaluation.epoch, 2)), "
        + "\(NumberText.duration(evaluation.seconds)))")
    console.say(EvaluationTable(figures: evaluation.figures, classes: classes).text)
    try metrics.append(evaluation.row)
    try events.append(evaluation.row)
  }
}

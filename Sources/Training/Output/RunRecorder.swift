import Foundation
import Reporting
import Synchronization
import Tensors

/// Everything that rank 0 writes down about a run: metrics, TensorBoard events, the console and its log, what happened when, and
/// the page that shows all of it.
///
/// Other ranks hold none of it; they need no run directory that they can write.
public final class RunRecorder: Sendable {
  /// Where the run is recorded.
  public let directory: RunDirectory
  private let console: Console
  private let metrics: MetricsFile
  private let events: EventFile
  /// What happened, every warning of the console among it.
  let history: RunHistory
  private let reportState = Mutex(ReportState())

  private struct ReportState {
    /// The masks do not change during a run.
    var regularizer: [ReportPage.Block]?
    var lastFailure = ""
  }

  /// Opens the files of a run that has done `step` updates, 0 for a new one; the directory exists already.
  ///
  /// From now on the console is copied to `log.txt`.
  /// - Throws: `InputError` with code 73.
  public init(
    directory: RunDirectory, console: Console, resumingAt step: Int, owesEvaluation: Bool = false
  ) throws {
    (self.directory, self.console) = (directory, console)
    let history = try RunHistory(path: directory.historyFile, step: step)
    self.history = history
    console.mirror(to: try AppendingFile(path: directory.logFile)) { history.note(.warning, $0) }
    metrics = try MetricsFile(path: directory.metricsFile, resumingAt: step, owesEvaluation: owesEvaluation)
    events = try EventFile(directory: directory, resumingAt: step)
  }

  /// Makes something of the report; a failure is a warning, once where the same thing fails again and again.
  func attemptReport(_ make: () throws -> Void) {
    do {
      try make()
    } catch {
      let isNew = reportState.withLock { state in
        defer { state.lastFailure = "\(error)" }
        return state.lastFailure != "\(error)"
      }
      if isNew { console.warn("the report is not complete: \(error)") }
    }
  }

  /// Writes the page that shows the run.
  ///
  /// - Throws: `InputError` with code 73, and 65 for files in the run directory that no run has written.
  func writeReport() throws {
    let run = try RunFiles(directory.path)
    let regularizer = try reportState.withLock { $0.regularizer } ?? RegularizerSection(run.configuration).blocks
    reportState.withLock { $0.regularizer = regularizer }
    try RunDirectory.replace(
      directory.reportFile, with: RunReport(run: run, regularizer: regularizer).page().html)
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

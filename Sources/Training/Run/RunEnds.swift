/// Where a run starts from.
public enum ResumeSource: Equatable, Sendable {
  /// The latest complete checkpoint of the run directory, if there is one.
  case automatic
  /// From the beginning; earlier checkpoints of the directory are replaced as new ones are written.
  case never
  /// A run directory or a checkpoint set.
  case path(String)
}

/// How a run ended.
enum RunOutcome: Sendable {
  /// All steps are done.
  case finished
  /// A signal stopped it after a complete checkpoint.
  case interrupted
}

/// What a rank tells of itself once a second.
struct RankState: Codable, Equatable, Sendable {
  /// The rank.
  var rank: Int
  /// Its host.
  var host: String
  /// The part of the program.
  var phase: String
  /// The step that is computed, counted from 1; nil between steps.
  var step: Int?
  /// The operation, or the MPI call and its place; empty for what has no name.
  var work: String
  /// Whether it waits for other ranks.
  var isWaiting: Bool
  /// Seconds since it began that.
  var seconds: Double
  /// Seconds without progress; see Note [What counts as progress].
  var idleSeconds: Double

  /// Where the rank was, without rank and host: `training, step 12, forward layer1.0.conv1 (convolution)`.
  var place: String {
    let parts = [phase, step.map { "step \($0)" } ?? "", work]
    return parts.filter { !$0.isEmpty }.joined(separator: ", ")
  }
}

extension RankState {
  /// The state of a rank at a moment.
  ///
  /// - Parameter movedAt: when the process last used the processor, a disk or memory to speak of.
  init(_ moment: Activity.Moment, rank: Int, host: String, now: Double, movedAt: Double) {
    var text = ""
    var isWaiting = false
    switch moment.work {
    case .unnamed: break
    case .operation(let label): text = "\(label.pass) \(label.name) (\(label.kind))"
    case .waiting(let call, let place):
      isWaiting = true
      text = "waiting in \(call)" + (place.isEmpty ? "" : ", \(place)")
    }
    let seconds = max(0, now - moment.since)
    let isLenient = moment.step == nil && !isWaiting
    self.init(
      rank: rank, host: host, phase: moment.phase, step: moment.step, work: String(text.prefix(300)),
      isWaiting: isWaiting, seconds: seconds,
      idleSeconds: isLenient ? max(0, min(seconds, now - movedAt)) : seconds)
  }
}

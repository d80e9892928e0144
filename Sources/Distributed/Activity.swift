import Synchronization
import Tensors

/// What a rank does at this moment: written by the thread that trains, read by the one that tells the other ranks.
///
/// A change costs an uncontended lock and a look at the clock.
public final class Activity: Sendable {
  /// What the training thread is at.
  enum Work: Sendable {
    /// Nothing that has a name.
    case unnamed
    /// An operation of the plan, or another part of a step.
    case operation(WorkLabel)
    /// A wait inside MPI, with the call and, once it lasts, the place.
    case waiting(call: String, place: String)
  }

  /// A moment of the training thread.
  struct Moment: Sendable {
    /// The part of the program, for example `evaluation`.
    var phase = "start"
    /// The step that is computed, counted from 1; nil between steps.
    var step: Int?
    /// What the thread is at.
    var work = Work.unnamed
    /// When it began that, in seconds.
    var since: Double
  }

  private let state = Mutex(Moment(since: monotonicSeconds()))

  /// The moment now.
  var moment: Moment { state.withLock { $0 } }

  /// The part of the program.
  var phase: String {
    get { state.withLock { $0.phase } }
    set { change { $0.phase = newValue } }
  }

  /// Begins a step, counted from 1, or ends it: nil.
  ///
  /// Inside a step only what `begin` and the waits tell counts as progress; see Note [What counts as progress].
  public func enter(step: Int?) {
    change { ($0.step, $0.work) = (step, .unnamed) }
  }

  /// Begins an operation.
  public func begin(_ label: WorkLabel) {
    change { $0.work = .operation(label) }
  }

  /// Begins a wait inside MPI; returns what was interrupted.
  func beginWait(_ call: String) -> Work {
    let now = monotonicSeconds()
    return state.withLock { moment in
      let before = moment.work
      (moment.work, moment.since) = (.waiting(call: call, place: ""), now)
      return before
    }
  }

  /// Names the place of a wait that lasts.
  func nameWait(_ call: String, _ place: String) {
    state.withLock { $0.work = .waiting(call: call, place: place) }
  }

  /// Ends a wait and goes on with what it interrupted.
  func endWait(resuming work: Work) {
    change { $0.work = work }
  }

  private func change(_ body: (inout Moment) -> Void) {
    let now = monotonicSeconds()
    state.withLock { moment in
      body(&moment)
      moment.since = now
    }
  }
}

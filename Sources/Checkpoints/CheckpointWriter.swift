import Synchronization
import Tensors

/// Writes the sets of a run on a thread of its own while the run goes on, one after the other.
///
/// It belongs to the thread that trains; only the writing itself happens elsewhere. The thread has signals blocked and
/// uses neither the OpenMP pool nor oneDNN.
public final class CheckpointWriter {
  private let store: CheckpointStore
  private let outcome = Outcome()
  private var thread: WorkerThread?

  /// What the thread has to say.
  private final class Outcome: Sendable {
    let failure = Mutex<InputError?>(nil)
    let seconds = Mutex(0.0)
  }

  /// A writer for a store; nothing else may write there.
  public init(_ store: CheckpointStore) { self.store = store }

  deinit { thread?.join() }

  /// Starts to write a set, after the one before it, if there is one, has been waited for with `wait`.
  ///
  /// The tensors must hold copies: what they refer to is read at any time until `wait`.
  public func begin(
    _ state: CheckpointState, model: [TensorToWrite], metadata: [String: String] = [:], optimizer: [TensorToWrite],
    keeping retention: CheckpointRetention
  ) {
    require(thread == nil, "a set is still being written")
    thread = WorkerThread { [store, outcome] in
      let start = monotonicSeconds()
      do throws(InputError) {
        try store.write(state, model: model, metadata: metadata, optimizer: optimizer, keeping: retention)
        outcome.seconds.withLock { $0 = monotonicSeconds() - start }
      } catch {
        outcome.failure.withLock { $0 = error }
      }
    }
  }

  /// Whether the set that `begin` started has failed; false while it is being written.
  public var hasFailed: Bool { outcome.failure.withLock { $0 != nil } }

  /// How long the last complete set took to write, in seconds; 0 before the first.
  public var lastSeconds: Double { outcome.seconds.withLock { $0 } }

  /// Waits for the set that `begin` started, if there is one, and returns, once, why it could not be written.
  public func wait() -> InputError? {
    thread?.join()
    thread = nil
    return outcome.failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
  }
}

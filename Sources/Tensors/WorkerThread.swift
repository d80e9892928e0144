import Glibc

/// A thread that runs one closure with all signals blocked, so that they reach the main thread.
///
/// It must not run parallel loops of the OpenMP pool, nor oneDNN: those belong to the thread that trains.
public final class WorkerThread {
  private var thread = pthread_t()

  /// Starts the thread.
  public init(_ body: @escaping @Sendable () -> Void) {
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let box = Unmanaged.passRetained(Body(body))
    let status = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    if status != 0 { fatalError("cannot start a thread: \(String(cString: strerror(status)))") }
  }

  /// Waits until the closure has returned; call it once.
  public func join() { pthread_join(thread, nil) }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}

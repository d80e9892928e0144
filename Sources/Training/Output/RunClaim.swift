import Glibc
import Tensors

/// A run's right to write into its directory, held by rank 0 as long as this object lives.
///
/// Note [One run a directory]
///
/// Two runs in one directory would write every row twice and clean away each other's half-written checkpoints. So a run
/// locks the file `lock.json`, which also says who it is. The lock is the kernel's and goes with the process, however
/// that ends: after kill -9 the same command starts at once. On a network file system the lock reaches across hosts
/// where the mount allows it. Where it may not, the file is a sign of life besides: its owner touches it every few
/// seconds, and a file that still names a run of another host is watched for a while. Time stamps are compared with each
/// other only, so that no clock matters. Where there are no locks at all, a run of this host is looked up among the
/// processes. A run that ends in order empties the file.
final class RunClaim: Sendable {
  /// The directory, by which a run notices that it was moved or removed.
  let directory: HeldDirectory
  private let lock: LockFile
  private let heartbeat: Heartbeat?

  /// How long things take, in seconds.
  struct Times {
    /// Between two signs of life.
    var heartbeat = 4.0
    /// Without a sign of life before a run is taken for dead.
    var silence: Double { 5 * heartbeat }
    /// What a process that was killed may take until it is gone.
    var dying = 10.0
  }

  /// Claims a directory that exists.
  ///
  /// - Parameters:
  ///   - isShared: whether other hosts may see the file system; nil asks the system.
  ///   - answer: what the kernel says to a wish for the lock.
  ///   - isStopped: whether to give up waiting; asked again and again meanwhile.
  ///   - say: hears why the start takes a while.
  /// - Throws: `InputError` with code 73 when another run has the directory, 75 when stopped before that is known; nothing of it
  ///   was touched then.
  init(
    _ runDirectory: RunDirectory, times: Times = Times(), isShared: Bool? = nil,
    answer: (LockFile) -> LockFile.Answer = { $0.tryLock() }, isStopped: () -> Bool = { false }, say: (String) -> Void
  ) throws(InputError) {
    let path = runDirectory.path
    let (directory, lock) = (try HeldDirectory(path), try LockFile(path: runDirectory.lockFile))
    let end = monotonicSeconds() + times.dying
    var status = answer(lock)
    while status == .refused {
      if isStopped() { throw Self.stopped(path) }
      if monotonicSeconds() > end { throw Self.inUse(path, lock.owner) }
      usleep(100_000)
      status = answer(lock)
    }
    let reachesAll = status == .locked && !(isShared ?? FileSystem(holding: path)?.isShared ?? false)
    if !reachesAll, let owner = lock.owner {
      if owner.isOfThisHost {
        if status == .unsupported && owner.isAlive { throw Self.inUse(path, owner) }
      } else {
        let seconds = times.silence
        say("\(path): \(owner.text), did not end in order; waiting \(Int(seconds.rounded(.up))) s for a sign of life")
        try Self.requireSilence(lock, seconds: seconds, path, isStopped)
      }
    }
    let own = RunOwner.ofThisProcess()
    try lock.name(own)
    if !reachesAll {
      // Of two that start at once on different hosts, the one that wrote last has it.
      usleep(UInt32(times.heartbeat / 4 * 1e6))
      if let owner = lock.owner, owner != own { throw Self.inUse(path, owner) }
    }
    (self.directory, self.lock) = (directory, lock)
    heartbeat = reachesAll ? nil : Heartbeat(lock, seconds: times.heartbeat)
  }

  deinit {
    heartbeat?.stop()
    lock.clear()
  }

  private static func requireSilence(
    _ lock: LockFile, seconds: Double, _ path: String, _ isStopped: () -> Bool
  ) throws(InputError) {
    let (end, sign) = (monotonicSeconds() + seconds, lock.sign)
    while monotonicSeconds() < end {
      usleep(UInt32(min(0.5, seconds / 20) * 1e6))
      if isStopped() { throw stopped(path) }
      if lock.sign != sign { throw inUse(path, lock.owner) }
    }
  }

  private static func stopped(_ path: String) -> InputError {
    InputError(
      .interrupted, "\(path): stopped by a signal while it waited for the directory; run the same command again")
  }

  private static func inUse(_ path: String, _ owner: RunOwner?) -> InputError {
    InputError(
      .cannotWrite,
      "\(path): another run writes to it: \(owner?.text ?? "its lock does not say which"); wait until it has ended, stop it, or "
        + "give another directory with --output DIR")
  }

  /// A thread that gives signs of life.
  private final class Heartbeat: Sendable {
    private let isStopped: Monitor<Bool>
    private nonisolated(unsafe) let thread: WorkerThread

    init(_ lock: LockFile, seconds: Double) {
      let isStopped = Monitor(false)
      self.isStopped = isStopped
      thread = WorkerThread {
        while isStopped.wait(atMostSeconds: seconds, { $0 ? true : nil }) == nil { lock.touch() }
      }
    }

    func stop() {
      isStopped.withLock { $0 = true }
      thread.join()
    }
  }
}

import Glibc
import Tensors

// Note [What counts as progress]
// A rank that waits inside MPI makes progress when the wait ends. Inside a step a rank makes progress with each operation
// of the plan and each wait that begins or ends: nothing else, since the threads of the pool and of the loader may be
// busy while the step hangs. Everywhere else (opening data and building its index, planning, evaluation, checkpoints)
// there are long stretches without a name: there a process makes progress while it uses at least a fiftieth of a
// processor, or reads or writes at least 64 KiB a second. Whoever waits for a rank that makes progress waits on,
// however long it takes; a rank that does not is at fault after the deadline.

/// Whether this process does anything at all, seen from outside: processor time, and bytes read and written.
struct OwnProgress {
  private var processorSeconds = 0.0
  private var bytes = 0
  private var lookedAt: Double
  /// When the process was last seen to move.
  private(set) var movedAt: Double

  /// A process that moves now.
  init(now: Double) { (lookedAt, movedAt) = (now, now) }

  /// Looks again.
  mutating func look(now: Double) {
    let (seconds, total) = (Self.processorSeconds(), Self.transferredBytes())
    let interval = now - lookedAt
    if seconds - processorSeconds > 0.02 * interval || Double(total - bytes) > 65536 * interval { movedAt = now }
    (processorSeconds, bytes, lookedAt) = (seconds, total, now)
  }

  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Bytes through read and write calls, and bytes that memory mappings fetched from a disk.
  private static func transferredBytes() -> Int {
    let lines = (kernelText("/proc/self/io") ?? "").split(separator: "\n")
    return lines.reduce(0) { sum, line in
      let wanted = ["rchar:", "wchar:", "read_bytes:", "write_bytes:"].contains { line.hasPrefix($0) }
      return wanted ? sum + (line.split(separator: " ").last.flatMap { Int($0) } ?? 0) : sum
    }
  }
}

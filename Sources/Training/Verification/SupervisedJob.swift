import Foundation
import Glibc
import Tensors

/// A training job of this program, started to be killed; it does not outlive this process.
final class SupervisedJob {
  /// The run directory, by which its ranks are known.
  let directory: String
  private let process: pid_t
  private let start = monotonicSeconds()
  private var foundRanks: [Int: pid_t] = [:]
  /// The code of the ended job, 128 and the signal when one ended it.
  private(set) var exitCode: Int32?

  /// Starts a line of the shell that trains into `directory`; what it prints is added to `log`.
  init(_ line: String, directory: String, environment: [String: String], log: String) throws {
    self.directory = directory
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o666)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own: a Ctrl-C in the terminal reaches this process alone, which then ends the job in order.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let words = SupervisedCommand.arguments(line)
    var arguments = words.map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    var started = pid_t()
    let code = posix_spawn(&started, words[0], &actions, &attributes, &arguments, &variables)
    if code != 0 { throw InputError(.internalError, "cannot start \(words[0]): \(String(cString: strerror(code)))") }
    process = started
  }

  deinit { end() }

  /// Seconds since the start.
  var seconds: Double { monotonicSeconds() - start }

  /// Whether the job has not ended yet.
  var isRunning: Bool {
    if exitCode != nil { return false }
    var status: Int32 = 0
    if waitpid(process, &status, WNOHANG) == 0 { return true }
    let signal = status & 0x7F
    exitCode = signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    return false
  }

  /// The process of a rank on this machine; nil before it has started.
  func process(ofRank rank: Int) -> pid_t? {
    if let known = foundRanks[rank] { return known }
    let program = SupervisedCommand.programPath
    for candidate in ProcessTable().family(of: process) where ProcessTable.program(candidate) == program {
      let arguments = ProcessTable.arguments(candidate)
      if arguments.contains("train"), arguments.contains(directory), !arguments.contains(SupervisedCommand.name) {
        foundRanks[ProcessTable.rank(candidate)] = candidate
      }
    }
    return foundRanks[rank]
  }

  /// The processes that still train into the directory.
  var survivors: [pid_t] {
    let program = SupervisedCommand.programPath
    return ProcessTable().all.filter {
      ProcessTable.program($0) == program && ProcessTable.arguments($0).contains(directory) && $0 != getpid()
    }
  }

  /// Ends the job, if it still runs: asks mpirun first, which ends its ranks, and then kills the whole group.
  func end() {
    if !isRunning { return }
    kill(process, SIGTERM)
    for _ in 0..<500 where isRunning { usleep(10_000) }
    kill(-process, SIGKILL)
    while isRunning { usleep(1_000) }
  }
}

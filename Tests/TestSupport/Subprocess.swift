import Foundation
import Tensors

/// What a finished command said and how it ended.
public struct CommandResult: Sendable, CustomStringConvertible {
  /// The command line, for messages.
  public let commandLine: String
  /// The exit code; 128 plus the signal's number when a signal ended it, as in a shell.
  public let exitCode: Int32
  /// Everything written to standard output.
  public let output: String
  /// Everything written to standard error.
  public let errorOutput: String
  /// True when the time limit ended it.
  public let timedOut: Bool
  /// Wall-clock time in seconds.
  public let seconds: Double

  /// The whole result, for messages.
  public var description: String {
    let ending = timedOut ? "stopped at its time limit" : "exit \(exitCode)"
    return "\(commandLine)\n\(ending) after \(seconds) s\nstdout:\n\(output)\nstderr:\n\(errorOutput)"
  }
}

/// A command that could not be started.
public struct CannotStart: Error, CustomStringConvertible {
  /// The command and the system's words.
  public let description: String
}

/// Runs a command to its end and returns what it wrote.
///
/// The first argument is looked up in `PATH`. The command starts in `directory`, else where this process is. `environment` is added to this process's own; an empty value removes the
/// variable. Standard input is empty. After `timeoutSeconds` the command counts as hanging: it gets SIGTERM and, five seconds
/// later, its whole process group gets SIGKILL.
public func run(
  _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
  timeoutSeconds: Double = HangLimit.seconds
) throws -> CommandResult {
  let folder = try TemporaryDirectory("command")
  let start = DispatchTime.now()
  let process = try spawn(
    directory.map { ["env", "-C", $0] + arguments } ?? arguments, environment: environment,
    output: folder.file("output"), errorOutput: folder.file("error"))
  let (status, timedOut) = wait(for: process, timeoutSeconds: timeoutSeconds)
  let signal = status & 0x7F
  return CommandResult(
    commandLine: arguments.joined(separator: " "), exitCode: signal == 0 ? (status >> 8) & 0xFF : 128 + signal,
    output: try text(folder.file("output")), errorOutput: try text(folder.file("error")), timedOut: timedOut,
    seconds: Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9)
}

/// Runs the built program without a launcher: one rank.
public func runProgram(
  _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
  timeoutSeconds: Double = HangLimit.seconds
) throws -> CommandResult {
  try run(
    [Locations.program] + arguments, environment: environment, directory: directory, timeoutSeconds: timeoutSeconds)
}

/// Runs the built program under `mpirun`, as root or not.
///
/// Ranks are not bound to cores and yield while they wait, so that several jobs of one test run, and more ranks than
/// cores, get on. `threads` is the number of OpenMP threads a rank.
public func runProgram(
  ranks: Int, threads: Int = 1, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
  timeoutSeconds: Double = HangLimit.seconds
) throws -> CommandResult {
  try run(
    mpirunPrefix(ranks: ranks, threads: threads) + [Locations.program] + arguments,
    environment: mpirunEnvironment.merging(environment) { $1 }, directory: directory, timeoutSeconds: timeoutSeconds)
}

/// Runs a command line of its own on each rank of a job.
///
/// mpirun's own colon between programs ends Open MPI 5.0.7 with a segmentation fault, so a shell on each rank chooses.
public func runPrograms(
  _ commands: [[String]], environment: [String: String] = [:], timeoutSeconds: Double = HangLimit.seconds
) throws -> CommandResult {
  let choices = commands.enumerated().map { rank, command in
    "\(rank)) exec \(command.map { "'\($0.replacing("'", with: "'\\''"))'" }.joined(separator: " ")) ;;"
  }
  let script = "case $OMPI_COMM_WORLD_RANK in \(choices.joined(separator: " ")) esac"
  return try run(
    mpirunPrefix(ranks: commands.count) + ["sh", "-c", script],
    environment: mpirunEnvironment.merging(environment) { $1 }, timeoutSeconds: timeoutSeconds)
}

/// The start of a command line that runs what follows on `ranks` ranks of this machine.
public func mpirunPrefix(ranks: Int, threads: Int = 1) -> [String] {
  [
    "mpirun", "-np", "\(ranks)", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", "-x",
    "OMP_NUM_THREADS=\(threads)",
  ]
}

/// What `mpirun` needs in its environment: leave to run as root.
///
/// A test that sends mpirun itself a signal, and wants the ranks to write a checkpoint then, adds
/// `OMPI_MCA_odls_base_sigkill_timeout` (seconds, default 1; the job takes twice as long to end).
public let mpirunEnvironment = ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]

private func text(_ path: String) throws -> String {
  String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
}

/// Starts a command in a process group of its own, with its output going to files.
private func spawn(
  _ arguments: [String], environment: [String: String], output: String, errorOutput: String
) throws -> pid_t {
  var variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  variables = variables.filter { !$0.value.isEmpty }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT, 0o600)
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errorOutput, O_WRONLY | O_CREAT, 0o600)
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  // Tests may run with signals blocked or ignored by their own launcher; a command starts with none blocked.
  var noSignals = sigset_t()
  sigemptyset(&noSignals)
  posix_spawnattr_setsigmask(&attributes, &noSignals)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

  var argumentPointers = arguments.map { strdup($0) } + [nil]
  var variablePointers = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
  defer { for pointer in argumentPointers + variablePointers { free(pointer) } }
  var process = pid_t()
  let code = posix_spawnp(&process, arguments[0], &actions, &attributes, &argumentPointers, &variablePointers)
  if code != 0 { throw CannotStart(description: "\(arguments[0]): \(String(cString: strerror(code)))") }
  return process
}

/// Waits for a process and returns its wait status and whether the limit ended it.
private func wait(for process: pid_t, timeoutSeconds: Double) -> (status: Int32, timedOut: Bool) {
  var status: Int32 = 0
  let start = DispatchTime.now().uptimeNanoseconds
  var terminated = false
  while waitpid(process, &status, WNOHANG) == 0 {
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    if seconds > timeoutSeconds && !terminated {
      kill(process, SIGTERM)
      terminated = true
    }
    if seconds > timeoutSeconds + 5 { kill(-process, SIGKILL) }
    usleep(5_000)
  }
  return (status, terminated)
}

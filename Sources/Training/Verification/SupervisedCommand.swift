import CLinux
import Foundation
import Glibc
import Tensors

/// A command line that ends with the process that started it, whatever ends that one.
///
/// A process can ask only for itself to be told of its parent's end, so this program stands between: it asks, and becomes
/// the command.
public enum SupervisedCommand {
  /// The name of the hidden command that calls `become`.
  public static let name = "supervised"

  /// The arguments that have this program run a line of the shell under this process.
  static func arguments(_ line: String) -> [String] { [programPath, name, "\(getpid())", line] }

  /// The path of this program.
  static var programPath: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  }

  /// Becomes a line of the shell that gets SIGTERM when `parent` ends: mpirun then ends its ranks.
  ///
  /// The line may use all CPUs again, also where a launcher bound this process to some.
  public static func become(_ line: String, under parent: Int32) -> Never {
    _ = shim_signal_with_parent(SIGTERM)
    if getppid() != parent { exit(ExitCode.rankFailed.rawValue) }
    // Whoever started this process may have blocked the signal, and exec would keep it so.
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
    shim_use_every_cpu()
    let words = ["sh", "-c", "exec \(line)"]
    var pointers = words.map { strdup($0) } + [nil]
    execvp("sh", &pointers)
    exit(ExitCode.internalError.rawValue)
  }
}

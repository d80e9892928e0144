import Foundation

/// How a console draws.
public enum ConsoleStyle: Equatable, Sendable {
  /// Nothing at all: every rank but the first.
  case silent
  /// Lines that stay.
  case plain
  /// Lines that stay and one bar that is drawn again and again, on a terminal of so many columns.
  case live(columns: Int)

  /// The style for a rank.
  ///
  /// Under `mpirun` standard output always looks like a terminal of size 0, so a bar is drawn only without a launcher
  /// or where the variable `DROPBLOCK_LIVE=1` says that a terminal is at the other end.
  /// - Parameters:
  ///   - rank: from 0.
  ///   - environment: the process's variables.
  ///   - terminalColumns: width of the terminal at standard output; nil when it is none.
  public init(rank: Int, environment: [String: String], terminalColumns: Int?) {
    let launchers = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "SLURM_STEP_ID"]
    let isLaunched = launchers.contains { environment[$0] != nil }
    if rank != 0 {
      self = .silent
    } else if environment["DROPBLOCK_LIVE"] == "1" {
      let columns = [terminalColumns, environment["COLUMNS"].flatMap { Int($0) }].compactMap(\.self).first { $0 > 0 }
      self = .live(columns: columns ?? 80)
    } else if let terminalColumns, terminalColumns > 0, !isLaunched, environment["DROPBLOCK_LIVE"] != "0" {
      self = .live(columns: terminalColumns)
    } else {
      self = .plain
    }
  }

  /// The style of this process as a rank.
  public static func ofThisProcess(rank: Int) -> ConsoleStyle {
    var size = winsize()
    let isTerminal = isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
    return ConsoleStyle(
      rank: rank, environment: ProcessInfo.processInfo.environment,
      terminalColumns: isTerminal ? Int(size.ws_col) : nil)
  }
}

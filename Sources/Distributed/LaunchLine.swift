/// The command lines that start this program as it should be started, to be copied from a message into a shell.
public struct LaunchLine: Sendable, Equatable {
  /// The program and its arguments, as they are typed.
  public let command: String

  /// The lines for a program and its arguments.
  public init(arguments: [String]) { command = arguments.map(Self.quoted).joined(separator: " ") }

  /// The lines for this process's own command.
  public static var ofThisProcess: LaunchLine { LaunchLine(arguments: CommandLine.arguments) }

  /// Open MPI's line for ranks with cores of their own, `perNode` on each of `nodes` hosts.
  public func mpirun(ranks: Int, perNode: Int, nodes: Int, threads: Int) -> String {
    "mpirun -np \(ranks)\(nodes > 1 ? " --hostfile HOSTS" : "") --map-by ppr:\(perNode):node:pe=\(threads) --bind-to core "
      + "-x OMP_NUM_THREADS=\(threads) \(command)"
  }

  /// Open MPI's line for ranks that share cores, one thread each.
  public func mpirunSharing(ranks: Int) -> String {
    "mpirun -np \(ranks) --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -x OMP_NUM_THREADS=1 \(command)"
  }

  /// Open MPI's line with its own choice of cores.
  public func mpirun(ranks: Int) -> String { "mpirun -np \(ranks) \(command)" }

  /// Slurm's line inside an allocation; without `perNode` or `threads` Slurm takes the job's.
  ///
  /// Without `--kill-on-bad-exit` the other ranks of a dead one would wait until the time limit, and without `-c` srun
  /// gives a task one CPU, whatever the job has (since Slurm 22.05). Without `--threads-per-core=1` a CPU may be one of two
  /// hardware threads of a core.
  public func srun(ranks: Int, perNode: Int?, threads: Int?) -> String {
    (threads.map { "OMP_NUM_THREADS=\($0) " } ?? "") + "srun --mpi=pmix --kill-on-bad-exit=1 -n \(ranks)"
      + (perNode.map { " --ntasks-per-node=\($0)" } ?? "") + (threads.map { " -c \($0) --threads-per-core=1" } ?? "")
      + " --cpu-bind=cores \(command)"
  }

  /// A word as a shell takes it.
  private static func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=:,+@%".contains($0)) }
    if isPlain && !word.isEmpty { return word }
    return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}

/// What started this process, read from the variables that launchers set.
public enum Launcher: String, Sendable {
  /// Nothing: one rank, MPI is never initialised.
  case none
  /// Open MPI's `mpirun` or `mpiexec`.
  case mpirun
  /// Slurm's `srun --mpi=pmix`, or another launcher that speaks PMIx.
  case pmix
  /// Slurm's `srun` without PMIx: Open MPI cannot join such tasks to one job.
  case slurmWithoutPMIx
  /// The `mpiexec` of MPICH, Intel MPI or a relative, whose ranks Open MPI cannot join either.
  case anotherMPI
}

extension Launcher {
  /// The launcher that the environment shows.
  ///
  /// A program that runs straight in an `sbatch` script sees Slurm's variables of the job but is no task of a step: it
  /// counts as not launched.
  public init(environment: [String: String]) {
    if environment["OMPI_COMM_WORLD_SIZE"] != nil {
      self = .mpirun
    } else if environment["PMIX_RANK"] != nil {
      self = .pmix
    } else if let tasks = slurmStepTasks(environment), tasks > 1 {
      self = .slurmWithoutPMIx
    } else if let ranks = environment["PMI_SIZE"].flatMap({ Int($0) }), ranks > 1 {
      self = .anotherMPI
    } else {
      self = .none
    }
  }
}

/// A number of ranks that somebody asked for, and the variable that says so.
public struct IntendedRanks: Sendable, Equatable {
  /// How many, at least 1.
  public let count: Int
  /// The variable.
  public let variable: String
  /// Whether the variable is that of a launcher that started this process, not only that of its surroundings.
  public var isLaunched: Bool { variable == "OMPI_COMM_WORLD_SIZE" || variable == "SLURM_STEP_NUM_TASKS" }

  /// The ranks that the environment shows were meant, nil where nobody asked for any.
  ///
  /// The closest launcher counts: `mpirun -np 1` in an allocation of four tasks means one rank.
  public init?(environment: [String: String]) {
    var names = ["OMPI_COMM_WORLD_SIZE"]
    if slurmStepTasks(environment) != nil { names.append("SLURM_STEP_NUM_TASKS") }
    // A job without a number of tasks has one a node.
    names += ["PMI_SIZE", "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_JOB_NUM_NODES"]
    for name in names {
      if let count = environment[name].flatMap({ Int($0) }), count > 0 {
        (self.count, variable) = (count, name)
        return
      }
    }
    return nil
  }
}

/// The tasks of the Slurm step that this process belongs to, nil outside of one.
///
/// Slurm counts a batch script and the shell of an interactive allocation as steps too, with numbers from the top.
private func slurmStepTasks(_ environment: [String: String]) -> Int? {
  let firstReservedStep = 0xFFFF_FFF0
  if let step = environment["SLURM_STEP_ID"].flatMap({ Int($0) }), step >= firstReservedStep { return nil }
  return environment["SLURM_STEP_NUM_TASKS"].flatMap { Int($0) }
}

/// The rank that the launcher's variables show, 0 without a launcher.
///
/// For what must be said once before MPI starts, such as a mistake in the arguments.
public func launchedRank(environment: [String: String] = processEnvironment()) -> Int {
  for name in ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID", "PMI_RANK"] {
    if let rank = environment[name].flatMap({ Int($0) }) { return rank }
  }
  return 0
}

/// The number of ranks on this node that the launcher's variables show, 1 where they do not say.
///
/// Slurm writes counts such as `4(x2),3`, largest nodes first.
func launchedLocalRanks(environment: [String: String]) -> Int {
  let text = environment["OMPI_COMM_WORLD_LOCAL_SIZE"] ?? environment["SLURM_STEP_TASKS_PER_NODE"] ?? ""
  return Int(text.prefix { $0.isNumber }) ?? 1
}

/// The MCA parameters of Open MPI that this package sets when nobody else did.
///
/// The ring is for the nonblocking allreduce, the only one that is ever called: posting 136 MB costs well under a
/// millisecond with it; Open MPI's own choice copies the buffer inside the post (7 to 60 ms, more on a loaded machine).
public func openMPIDefaults(localRanks: Int, cores: Int) -> [(name: String, value: String)] {
  var defaults = [(name: "coll_libnbc_iallreduce_algorithm", value: "1")]
  // Waiting ranks spin; where ranks share cores, a spinning one would keep the others from their work.
  if localRanks > cores { defaults.append((name: "mpi_yield_when_idle", value: "1")) }
  return defaults
}

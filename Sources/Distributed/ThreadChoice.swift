import Tensors

/// How many threads a rank uses, and why.
public struct ThreadChoice: Sendable, Equatable {
  /// What decided, in the order in which they are asked.
  public enum Source: String, Sendable {
    /// `threads_per_rank` in the configuration.
    case configuration = "threads_per_rank"
    /// The variable `OMP_NUM_THREADS`.
    case openMP = "OMP_NUM_THREADS"
    /// The variable `SLURM_CPUS_PER_TASK`.
    case slurm = "SLURM_CPUS_PER_TASK"
    /// The physical cores that the launcher bound, or this rank's share where it bound none.
    case cores = "cores of the rank"
  }

  /// Threads of this rank.
  public let threads: Int
  /// What decided.
  public let source: Source
  /// Text for the log when cores of the node stay idle or are shared, with the line that does better.
  public let warning: String?

  /// A choice made of its parts.
  public init(threads: Int, source: Source, warning: String?) {
    (self.threads, self.source, self.warning) = (threads, source, warning)
  }

  /// Chooses the number of threads; the caller hands it to `ThreadPool.setThreadCount`.
  ///
  /// Throws (code 78, with the exact launch line) for more threads than the rank has cores: two threads on a core are
  /// slower than one, because every loop waits for its slowest thread.
  public static func choose(
    configured: Int?, facts: LaunchFacts, environment: [String: String] = processEnvironment()
  ) throws(InputError) -> ThreadChoice {
    let (threads, source) = try wanted(configured: configured, facts: facts, environment: environment)
    if threads > facts.boundCores {
      let fitting = min(threads, max(1, facts.nodeCores / facts.localRanks))
      let placement = facts.placements[facts.rank]
      let mended = fitting == threads ? facts.launchLine(threads: fitting) : line(threads: fitting, source, facts)
      var notes = fitting < threads ? " (\(threads) threads for each of \(facts.localRanks) ranks do not fit)" : ""
      if facts.launcher == .pmix { notes += " (since Slurm 22.05 srun does not take sbatch's --cpus-per-task over)" }
      throw InputError(
        .badConfiguration,
        "\(source.rawValue) asks for \(threads) threads, but rank \(facts.rank) may use only "
          + "\(facts.boundCores) of the \(facts.nodeCores) cores of \(placement.host) "
          + "(CPUs \(cpuListText(placement.cpus))); start it with: \(mended)\(notes)")
    }
    return ThreadChoice(threads: threads, source: source, warning: warning(threads: threads, source, facts))
  }

  private static func wanted(
    configured: Int?, facts: LaunchFacts, environment: [String: String]
  ) throws(InputError) -> (Int, Source) {
    if let configured {
      if configured < 1 {
        throw InputError(.badConfiguration, "threads_per_rank: expected a number of at least 1, got \(configured)")
      }
      return (configured, .configuration)
    }
    for source in [Source.openMP, .slurm] {
      // OMP_NUM_THREADS may list one number a nesting level.
      guard let text = environment[source.rawValue]?.split(separator: ",").first else { continue }
      guard let threads = Int(text), threads >= 1 else {
        throw InputError(
          .badConfiguration, "\(source.rawValue): expected a number of at least 1, got \"\(text)\"; unset it or set it")
      }
      return (source == .slurm ? facts.cores(ofSlurmCPUs: threads, environment: environment) : threads, source)
    }
    return (facts.shareOfCores, .cores)
  }

  /// The line that starts the ranks with another number of threads than `source` said.
  private static func line(threads: Int, _ source: Source, _ facts: LaunchFacts) -> String {
    // The configuration is asked before the variable that the line sets; the last --set counts.
    facts.launchLine(threads: threads) + (source == .configuration ? " --set threads_per_rank=\(threads)" : "")
  }

  private static func warning(threads: Int, _ source: Source, _ facts: LaunchFacts) -> String? {
    let (ranks, cores) = (facts.localRanks, facts.nodeCores)
    if ranks * threads > cores {
      return "\(ranks) ranks x \(threads) threads share \(cores) cores; this is slow, use fewer ranks or "
        + "threads: " + line(threads: max(1, cores / ranks), source, facts)
    }
    let fitting = cores / ranks
    if fitting > threads {
      return "\(cores - ranks * threads) of \(cores) cores stay idle; to use them: "
        + line(threads: fitting, source, facts)
    }
    return nil
  }
}

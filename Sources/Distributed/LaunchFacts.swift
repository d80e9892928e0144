/// Where one rank runs.
public struct RankPlacement: Sendable, Equatable {
  /// The rank.
  public let rank: Int
  /// Its host.
  public let host: String
  /// The logical CPUs on which it may run.
  public let cpus: Set<Int>

  /// A placement made of its parts.
  public init(rank: Int, host: String, cpus: Set<Int>) {
    (self.rank, self.host, self.cpus) = (rank, host, cpus)
  }
}

/// How the job was launched, for the header, `doctor` and the choice of threads; counts are of this rank's node.
public struct LaunchFacts: Sendable, Equatable {
  /// What started the ranks.
  public var launcher: Launcher
  /// Every rank's host and CPUs, in rank order.
  public var placements: [RankPlacement]
  /// The rank that holds these facts.
  public var rank: Int
  /// Physical cores of the node that the job may use.
  public var nodeCores: Int
  /// Physical cores on which this rank may run.
  public var boundCores: Int
  /// This rank's share of the cores on which it may run, where other ranks may run on the same ones; at least 1.
  public var shareOfCores: Int
  /// What the command lines in messages are made of.
  public var line: LaunchLine

  /// Ranks of the whole job.
  public var ranks: Int { placements.count }
  /// Ranks on this rank's host.
  public var localRanks: Int { placements.count { $0.host == placements[rank].host } }
  /// Hosts of the job.
  public var nodes: Int { Set(placements.map(\.host)).count }

  /// Derives the counts from the placements and the machine.
  ///
  /// Ranks whose CPUs overlap share them equally: that is what an unbound launch, `--bind-to socket` and a Slurm step
  /// without affinity look like.
  public init(
    launcher: Launcher, placements: [RankPlacement], rank: Int, topology: CPUTopology, limit: CPULimit,
    environment: [String: String], line: LaunchLine = .ofThisProcess
  ) {
    let mine = placements[rank]
    let neighbours = placements.filter { $0.host == mine.host }
    let sharers = neighbours.count { !$0.cpus.isDisjoint(with: mine.cpus) }
    let usable = limit.cpus.map { topology.cpus.intersection($0) } ?? topology.cpus
    var nodeCores = topology.coreCount(of: neighbours.reduce(usable) { $0.union($1.cpus) })
    if let allocated = environment["SLURM_CPUS_ON_NODE"].flatMap({ Int($0) }), allocated > 0 {
      nodeCores = min(nodeCores, allocated)
    }
    let boundCores = max(1, topology.coreCount(of: mine.cpus))
    var share = max(1, boundCores / max(1, sharers))
    if let quota = limit.quota {
      nodeCores = min(nodeCores, max(1, Int(quota)))
      share = min(share, max(1, Int(quota) / neighbours.count))
    }
    (self.launcher, self.placements, self.rank) = (launcher, placements, rank)
    (self.nodeCores, self.boundCores, shareOfCores) = (nodeCores, boundCores, share)
    self.line = line
  }

  /// The physical cores that a number of CPUs in a step of Slurm's stands for.
  ///
  /// Without `--threads-per-core=1` the hardware threads of a core may each count as a CPU: this rank is then bound to as
  /// many, on fewer cores.
  func cores(ofSlurmCPUs count: Int, environment: [String: String]) -> Int {
    let countsThreads = launcher == .pmix && environment["SLURM_THREADS_PER_CORE"] != "1"
    return countsThreads && count <= placements[rank].cpus.count ? min(count, boundCores) : count
  }

  /// Collects every rank's placement; all ranks call it.
  public static func gather(
    _ mpi: MPIEnvironment, environment: [String: String] = processEnvironment()
  ) throws(RankError) -> LaunchFacts {
    let texts = try mpi.world.allgather("\(mpi.world.host) \(cpuListText(allowedCPUs()))")
    let placements = texts.enumerated().map { rank, text in
      let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      return RankPlacement(rank: rank, host: "\(parts[0])", cpus: Set(parts.dropFirst().flatMap { cpuList("\($0)") }))
    }
    return LaunchFacts(
      launcher: mpi.launcher, placements: placements, rank: mpi.world.rank, topology: .current(), limit: .current(),
      environment: environment)
  }

  /// The command that starts the same ranks with `threads` threads each on cores of their own.
  ///
  /// Where they do not fit, the command lets them share the node's cores, one thread a rank.
  public func launchLine(threads: Int) -> String {
    let perNode = localRanks
    if perNode * threads > nodeCores { return line.mpirunSharing(ranks: ranks) }
    if launcher == .pmix { return line.srun(ranks: ranks, perNode: perNode, threads: threads) }
    return line.mpirun(ranks: ranks, perNode: perNode, nodes: nodes, threads: threads)
  }
}

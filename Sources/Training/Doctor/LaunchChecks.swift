import Datasets
import Distributed
import Graph
import Tensors

extension RunCheck {
  /// What every run looks at before it starts: cheap, and nothing of it needs data or output.
  static var atStart: [RunCheck] {
    [
      RunCheck("launch") { context in
        let facts = context.facts
        let starter =
          switch facts.launcher {
          case .none: "started without a launcher"
          case .mpirun: "started by mpirun"
          case .pmix: "started by srun or another launcher that speaks PMIx"
          case .slurmWithoutPMIx, .anotherMPI: "started by \(facts.launcher.rawValue)"
          }
        let (ranks, hosts) = (facts.ranks, facts.nodes)
        return [
          .ok("\(ranks) rank\(ranks == 1 ? "" : "s") on \(hosts) host\(hosts == 1 ? "" : "s"), \(starter)")
        ]
      },
      RunCheck("threads") { context in
        let facts = context.facts
        let choice = try ThreadChoice.choose(configured: context.configuration.threadsPerRank, facts: facts)
        context.threads = choice
        if !context.isFirstOfHost { return [] }
        let neighbours = facts.placements.filter { $0.host == context.communicator.host }
        let cpus = neighbours.prefix(8).map { cpuListText($0.cpus) }.joined(separator: " | ")
        return [
          .ok(
            "\(facts.localRanks) x \(choice.threads) threads (\(choice.source.rawValue)) on \(facts.nodeCores) cores, "
              + "bound to CPUs \(cpus)\(neighbours.count > 8 ? " | ..." : "")", on: context.host)
        ] + (choice.warning.map { [.warning($0, on: context.host)] } ?? [])
      },
      RunCheck("alike") { context in
        let communicator = context.communicator
        // Ranks with other instructions, libraries or settings would drift apart without a sign.
        try communicator.requireEqualFingerprints(
          [
            ("program", "\(BuildInformation.commit), content \((try? fileFingerprint("/proc/self/exe")) ?? "unknown")"),
            ("oneDNN", Engine.libraryVersion), ("MPI", MPIEnvironment.libraryVersion()),
            ("instructions", Engine.instructionSet),
          ] + context.configuration.trainingValues,
          remedy: "start all of them with the same program and libraries, on the same kind of CPU or, where only some "
            + "have AVX-512, with --set planner.isa=avx2 and the program of launch/install")
        // Ranks of one job wait for the slowest, and other caches make another order of sums.
        let differences = try communicator.fingerprintDifferences([
          ("CPU", cpuModel()), ("threads", "\(context.threads?.threads ?? 0)"),
        ])
        if communicator.rank != 0 { return [] }
        if differences.isEmpty { return [.ok("all ranks have the same program, libraries and \(cpuModel())")] }
        return [
          .warning(
            differences.prefix(4).map { "\($0)" }.joined(separator: "; ")
              + (differences.count > 4 ? "; and \(differences.count - 4) more" : ""),
            remedy: "every step waits for the slowest rank, and a restart on other nodes rounds differently: ask for "
              + "one kind of node (Slurm: --constraint)")
        ]
      },
    ]
  }
}

extension Configuration {
  /// The keys that decide what is computed, with their values as YAML.
  var trainingValues: [(name: String, value: String)] {
    Self.keys.filter { !$0.mayChangeOnResume }.map { ($0.path, $0.write(self) ?? "none") }
  }
}

import Distributed
import Tensors
import Testing

@Suite("Launch facts")
struct LaunchFactsTests {
  /// Four cores with two logical CPUs each: CPU c and c + 4.
  private let topology = CPUTopology(
    siblings: Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, [$0 % 4, $0 % 4 + 4]) }))
  private let unlimited = CPULimit(cpus: nil, quota: nil)

  private func facts(
    _ cpus: [Set<Int>], rank: Int = 0, limit: CPULimit? = nil, launcher: Launcher = .mpirun,
    environment: [String: String] = [:]
  ) -> LaunchFacts {
    LaunchFacts(
      launcher: launcher,
      placements: cpus.enumerated().map { RankPlacement(rank: $0.offset, host: "node1", cpus: $0.element) },
      rank: rank, topology: topology, limit: limit ?? unlimited, environment: environment,
      line: LaunchLine(arguments: ["dropblock-dist", "..."]))
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "launchers are told apart by their variables",
    arguments: [
      ([:], Launcher.none), (["OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "0"], .mpirun), (["PMIX_RANK": "1"], .pmix),
      (["SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"], .slurmWithoutPMIx),
      (["SLURM_NTASKS": "2", "SLURM_PROCID": "0"], .none), (["SLURM_STEP_NUM_TASKS": "1"], .none),
      (["SLURM_STEP_ID": "4294967290", "SLURM_STEP_NUM_TASKS": "2"], .none), (["PMI_SIZE": "2"], .anotherMPI),
      (["PMI_SIZE": "1"], .none),
    ])
  func launchers(environment: [String: String], launcher: Launcher) {
    #expect(Launcher(environment: environment) == launcher)
  }

  @Test("the closest launcher says how many ranks were meant")
  func intention() {
    func count(_ environment: [String: String]) -> Int? { IntendedRanks(environment: environment)?.count }
    #expect(count([:]) == nil)
    #expect(count(["SLURM_NTASKS": "4", "SLURM_JOB_NUM_NODES": "2"]) == 4)
    #expect(count(["SLURM_JOB_NUM_NODES": "2"]) == 2)
    #expect(count(["SLURM_NTASKS": "4", "OMPI_COMM_WORLD_SIZE": "1"]) == 1)
    #expect(count(["SLURM_NTASKS": "4", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2"]) == 2)
    // The shell of an interactive allocation.
    #expect(count(["SLURM_NTASKS": "4", "SLURM_STEP_ID": "4294967290", "SLURM_STEP_NUM_TASKS": "1"]) == 4)
  }

  @Test(
    "a rank that would train alone is an error that says what means more, and how to start them",
    arguments: [
      (
        ["SLURM_STEP_NUM_TASKS": "4", "SLURM_JOB_ID": "1"],
        ["srun, without PMIx, started 4", "srun --mpi=pmix", "-n 4 "]
      ),
      (["SLURM_NTASKS": "4"], ["SLURM_NTASKS says 4 ranks", "start it with: mpirun -np 4 ", "mpirun -np 1 "]),
      (
        ["SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "8"],
        ["says 2 ranks", "OMP_NUM_THREADS=8 srun --mpi=pmix --kill-on-bad-exit=1 -n 2 -c 8 ", "mpirun -np 2"]
      ),
      (["PMI_SIZE": "3", "PMI_RANK": "2"], ["mpiexec of another MPI started 3", "start it with: mpirun -np 3 "]),
    ])
  func alone(environment: [String: String], words: [String]) {
    let text = message { _ = try MPIEnvironment.start(environment: environment) }
    for word in words { #expect(text.contains(word), "\(text)") }
  }

  @Test("a command line is quoted as a shell takes it")
  func quoting() {
    let line = LaunchLine(arguments: ["./prog", "--set", "a=[1, 2]", "it's", ""])
    #expect(line.command == #"./prog --set 'a=[1, 2]' 'it'\''s' ''"#)
  }

  @Test("the ring is the default, and ranks yield only where they share cores")
  func defaults() {
    #expect(openMPIDefaults(localRanks: 2, cores: 2).map(\.name) == ["coll_libnbc_iallreduce_algorithm"])
    #expect(openMPIDefaults(localRanks: 3, cores: 2).last?.name == "mpi_yield_when_idle")
  }

  @Test("the rank is known from the launcher's variables before MPI starts")
  func rankBeforeStart() {
    #expect(launchedRank(environment: [:]) == 0)
    #expect(launchedRank(environment: ["OMPI_COMM_WORLD_RANK": "3", "PMIX_RANK": "3"]) == 3)
    #expect(launchedRank(environment: ["PMIX_RANK": "5"]) == 5)
  }

  @Test("CPU lists are read and written in the kernel's form")
  func cpuLists() {
    #expect(cpuList("0-3,8,10-11\n") == [0, 1, 2, 3, 8, 10, 11])
    #expect(cpuList("") == [] && cpuList("3-1") == [] && cpuList("x,1") == [1])
    #expect(cpuListText([0, 1, 2, 3, 8, 10, 11]) == "0-3,8,10-11")
    #expect(Set(cpuList(cpuListText(allowedCPUs()))) == allowedCPUs())
  }

  @Test("two hardware threads are one core")
  func cores() {
    #expect(topology.coreCount(of: [0, 4]) == 1)
    #expect(topology.coreCount(of: Set(0..<8)) == 4)
    let machine = CPUTopology.current()
    #expect(machine.coreCount(of: machine.cpus) >= 1)
    #expect(allowedCPUs().isSubset(of: machine.cpus))
  }

  @Test("ranks that share CPUs share the cores; bound ranks have their own")
  func shares() {
    let all = Set(0..<8)
    #expect(facts([all]).shareOfCores == 4)
    #expect(facts([all, all]).shareOfCores == 2)
    #expect(facts([all, all, all, all, all]).shareOfCores == 1)
    let bound = facts([[0, 4, 1, 5], [2, 6, 3, 7]], rank: 1)
    #expect((bound.boundCores, bound.shareOfCores, bound.nodeCores) == (2, 2, 4))
  }

  @Test("a container's CPU set, its quota and Slurm's allocation limit the cores")
  func limits() {
    let all = Set(0..<8)
    #expect(facts([[0, 4]], limit: CPULimit(cpus: [0, 1, 4, 5], quota: nil)).nodeCores == 2)
    let quota = facts([all], limit: CPULimit(cpus: nil, quota: 2.5))
    #expect((quota.nodeCores, quota.shareOfCores) == (2, 2))
    #expect(facts([all, all], limit: CPULimit(cpus: nil, quota: 1)).shareOfCores == 1)
    #expect(facts([[0, 4]], environment: ["SLURM_CPUS_ON_NODE": "3"]).nodeCores == 3)
  }

  @Test("threads come from the configuration, OpenMP, Slurm and the cores, in this order")
  func order() throws {
    let facts = facts([Set(0..<8)])
    let environment = ["OMP_NUM_THREADS": "3,2", "SLURM_CPUS_PER_TASK": "2"]
    func choose(_ configured: Int?, _ environment: [String: String]) throws -> ThreadChoice {
      try ThreadChoice.choose(configured: configured, facts: facts, environment: environment)
    }
    #expect(try choose(4, environment) == ThreadChoice(threads: 4, source: .configuration, warning: nil))
    #expect(try choose(nil, environment).threads == 3)
    #expect(try choose(nil, environment).source == .openMP)
    #expect(try choose(nil, ["SLURM_CPUS_PER_TASK": "2"]).source == .slurm)
    #expect(try choose(nil, [:]) == ThreadChoice(threads: 4, source: .cores, warning: nil))
    #expect(message { _ = try choose(0, [:]) }.contains("got 0"))
    #expect(message { _ = try choose(nil, ["OMP_NUM_THREADS": "many"]) }.contains("got \"many\""))
  }

  @Test("more threads than bound cores is refused with the line that works")
  func tooManyThreads() {
    // What plain "mpirun -np 2" does: one core a rank.
    let narrow = facts([[0, 4], [1, 5]])
    let fits = message { _ = try ThreadChoice.choose(configured: 2, facts: narrow, environment: [:]) }
    #expect(fits.contains("2 threads") && fits.contains("1 of the 4 cores of node1 (CPUs 0,4)"))
    let line = "mpirun -np 2 --map-by ppr:2:node:pe=2 --bind-to core -x OMP_NUM_THREADS=2 dropblock-dist ..."
    #expect(fits.hasSuffix(line))
    let tooMany = message { _ = try ThreadChoice.choose(configured: 3, facts: narrow, environment: [:]) }
    #expect(tooMany.contains("pe=2") && tooMany.contains("3 threads for each of 2 ranks do not fit"))
    // The configuration goes before the variable, so the line must change it; a variable is changed by the line itself.
    #expect(tooMany.contains("dropblock-dist ... --set threads_per_rank=2 ("))
    let variable = message {
      _ = try ThreadChoice.choose(configured: nil, facts: narrow, environment: ["OMP_NUM_THREADS": "3"])
    }
    #expect(variable.contains("OMP_NUM_THREADS=2 dropblock-dist ... ("))
  }

  @Test("srun that left a task one CPU of several is refused, and the line gives it its CPUs")
  func srunWithoutCPUs() {
    let step = facts([[0, 4], [1, 5]], launcher: .pmix)
    let text = message {
      _ = try ThreadChoice.choose(
        configured: nil, facts: step, environment: ["SLURM_CPUS_PER_TASK": "2", "SLURM_THREADS_PER_CORE": "1"])
    }
    #expect(text.contains("SLURM_CPUS_PER_TASK asks for 2 threads"))
    let line =
      "srun --mpi=pmix --kill-on-bad-exit=1 -n 2 --ntasks-per-node=2 -c 2 --threads-per-core=1 "
      + "--cpu-bind=cores dropblock-dist"
    #expect(text.contains("OMP_NUM_THREADS=2 \(line)"))
    #expect(text.contains("since Slurm 22.05"))
  }

  @Test("where Slurm counts hardware threads as CPUs, there is one thread for each core of them")
  func hardwareThreads() throws {
    func threads(_ cpus: Set<Int>, ofSlurm count: Int) throws -> Int {
      let step = facts([cpus, [3, 7]], launcher: .pmix)
      return try ThreadChoice.choose(
        configured: nil, facts: step, environment: ["SLURM_CPUS_PER_TASK": "\(count)"]
      ).threads
    }
    #expect(try threads([0, 4, 1, 5], ofSlurm: 4) == 2)
    #expect(try threads([0, 4, 1, 5], ofSlurm: 2) == 2)
    #expect(try threads([0, 4], ofSlurm: 2) == 1)
    #expect(message { _ = try threads([0, 4], ofSlurm: 4) }.contains("asks for 4 threads"))
    // Open MPI binds by cores.
    let bound = facts([[0, 4], [1, 5]])
    let text = message {
      _ = try ThreadChoice.choose(configured: nil, facts: bound, environment: ["SLURM_CPUS_PER_TASK": "2"])
    }
    #expect(text.contains("asks for 2 threads"))
  }

  @Test("idle and shared cores are warned of, with the line that does better")
  func warnings() throws {
    let narrow = facts([[0, 4], [1, 5]])
    let idle = try ThreadChoice.choose(configured: nil, facts: narrow, environment: [:])
    #expect(idle.threads == 1)
    #expect(idle.warning?.contains("2 of 4 cores stay idle") == true)
    #expect(idle.warning?.contains("--map-by ppr:2:node:pe=2 --bind-to core") == true)
    let all = Set(0..<8)
    let shared = try ThreadChoice.choose(configured: 4, facts: facts([all, all]), environment: [:])
    #expect(shared.warning?.contains("2 ranks x 4 threads share 4 cores") == true)
    // The configuration would go before the variable that the line sets.
    #expect(shared.warning?.hasSuffix("-x OMP_NUM_THREADS=2 dropblock-dist ... --set threads_per_rank=2") == true)
    #expect(idle.warning?.hasSuffix("dropblock-dist ...") == true)
    let crowded = try ThreadChoice.choose(configured: nil, facts: facts([all, all, all, all, all]), environment: [:])
    #expect(crowded.warning?.contains("--oversubscribe --bind-to none") == true)
    let slurm = try ThreadChoice.choose(configured: 1, facts: facts([all], launcher: .pmix), environment: [:])
    #expect(slurm.warning?.contains("-n 1 --ntasks-per-node=1 -c 4") == true)
  }
}

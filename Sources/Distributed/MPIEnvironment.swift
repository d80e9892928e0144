import COpenMPI
import Glibc
import Tensors

/// The life of MPI in this process: `start` once, after the arguments are parsed, and `finalize` once at the end.
///
/// All calls come from the thread that started it (`MPI_THREAD_FUNNELED`). A process that no launcher started is one
/// rank: MPI is then never initialised, which costs nothing, prints nothing, and works in containers and as root.
public final class MPIEnvironment {
  /// The communicator of all ranks of the job.
  public let world: Communicator
  /// What started this process.
  public let launcher: Launcher

  private var isRunning: Bool

  private init(world: Communicator, launcher: Launcher, isRunning: Bool) {
    (self.world, self.launcher, self.isRunning) = (world, launcher, isRunning)
  }

  /// Joins the job that the launcher made, or becomes a single rank without one.
  ///
  /// Sets `openMPIDefaults` in this process's environment first, wherever the user has not set the parameter by
  /// `--mca` or `OMPI_MCA_...`. `deadlineSeconds` bounds every later wait. Throws when a task was started in a way that
  /// MPI cannot join, or when MPI fails to start.
  public static func start(
    environment: [String: String] = processEnvironment(), deadlineSeconds: Double = 600
  ) throws -> MPIEnvironment {
    let launcher = Launcher(environment: environment)
    let intended = IntendedRanks(environment: environment)
    switch launcher {
    case .none:
      if let intended, intended.count > 1 { throw alone(among: intended, environment: environment) }
      let world = Communicator(aloneOn: hostName(), deadlineSeconds: deadlineSeconds)
      return MPIEnvironment(world: world, launcher: launcher, isRunning: false)
    case .slurmWithoutPMIx, .anotherMPI:
      let name = launcher == .slurmWithoutPMIx ? "srun, without PMIx," : "the mpiexec of another MPI"
      throw InputError(
        .badConfiguration,
        "\(name) started \(intended?.count ?? 1) tasks, and each would train alone; expected one job of that many ranks: "
          + "start it with: \(lines(for: intended?.count ?? 1, environment: environment))")
    case .mpirun, .pmix:
      let localRanks = launchedLocalRanks(environment: environment)
      for (name, value) in openMPIDefaults(localRanks: localRanks, cores: processorsOnline()) {
        setenv("OMPI_MCA_" + name, value, 0)
      }
      let world = try initialize(deadlineSeconds: deadlineSeconds)
      if let intended, intended.isLaunched, world.size < intended.count {
        let size = world.size
        world.release()
        MPI_Finalize()
        throw InputError(
          .badConfiguration,
          "\(intended.variable) says \(intended.count) ranks, but MPI joined this process to \(size) only: the launcher and "
            + "\(libraryVersion()) do not understand each other; start it with: "
            + lines(for: intended.count, environment: environment))
      }
      return MPIEnvironment(world: world, launcher: launcher, isRunning: true)
    }
  }

  /// The error of a process that is alone where its surroundings meant several.
  private static func alone(among intended: IntendedRanks, environment: [String: String]) -> InputError {
    InputError(
      .badConfiguration,
      "\(intended.variable) says \(intended.count) ranks, but nothing started them: this process would train alone; start it "
        + "with: \(lines(for: intended.count, environment: environment)); for one rank on purpose: "
        + LaunchLine.ofThisProcess.mpirun(ranks: 1))
  }

  /// The lines that start so many ranks: Slurm's where there is a job, and Open MPI's.
  private static func lines(for ranks: Int, environment: [String: String]) -> String {
    let line = LaunchLine.ofThisProcess
    let mpirun = line.mpirun(ranks: ranks)
    if environment["SLURM_JOB_ID"] == nil { return mpirun }
    let threads = environment["SLURM_CPUS_PER_TASK"].flatMap { Int($0) }
    return "\(line.srun(ranks: ranks, perNode: nil, threads: threads)) (or, in the batch script, \(mpirun))"
  }

  private static func initialize(deadlineSeconds: Double) throws(RankError) -> Communicator {
    var isInitialized: Int32 = 0
    MPI_Initialized(&isInitialized)
    require(isInitialized == 0, "MPI is started once in a process")
    let funneled = Int32(MPI_THREAD_FUNNELED)
    var provided: Int32 = 0
    let status = MPI_Init_thread(nil, nil, funneled, &provided)
    if status != MPI_SUCCESS || provided < funneled {
      throw RankError(
        call: "MPI_Init_thread", rank: -1, host: hostName(),
        reason: status == MPI_SUCCESS ? "got thread level \(provided), expected MPI_THREAD_FUNNELED" : "code \(status)")
    }
    return try Communicator(worldOn: hostName(), deadlineSeconds: deadlineSeconds)
  }

  /// Lets the ranks watch each other from now on; see Note [Watching each other].
  ///
  /// All ranks call it.
  public func watchRanks() throws(RankError) { world.watch = try RankWatch.start(world) }

  /// Ends MPI on this rank; every rank must call it, after its last collective.
  ///
  /// A second call does nothing.
  public func finalize() {
    if !isRunning { return }
    isRunning = false
    world.release()
    MPI_Finalize()
  }

  /// The version line of the MPI library, known without starting MPI.
  public static func libraryVersion() -> String {
    var length: Int32 = 0
    let text = [CChar](unsafeUninitializedCapacity: Int(MPI_MAX_LIBRARY_VERSION_STRING)) { buffer, count in
      MPI_Get_library_version(buffer.baseAddress, &length)
      count = Int(length)
    }
    let full = String(decoding: text.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return full.split(separator: ",").first.map(String.init) ?? full
  }

  /// The major version of the Open MPI library, on which the launcher's settings depend; 4 where it tells none.
  public static var openMPIMajor: Int { majorVersion(of: libraryVersion()) ?? 4 }

  /// The number before the first dot of a version line such as "Open MPI v5.0.7".
  static func majorVersion(of line: String) -> Int? {
    line.split(separator: "v").last.flatMap { $0.split(separator: ".").first }.flatMap { Int($0) }
  }
}

/// The name of this host, up to the first dot.
public func hostName() -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  gethostname(&buffer, buffer.count - 1)
  let bytes = buffer.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: ".")) }
  return String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The variables of this process's environment, with bytes escaped that are not UTF-8, as `FilePath` reads them.
public func processEnvironment() -> [String: String] {
  var variables: [String: String] = [:]
  var entry = environ
  while let text = entry.pointee {
    let bytes = UnsafeRawBufferPointer(start: text, count: strlen(text))
    let variable = String(validating: bytes, as: UTF8.self) ?? FilePath.text(bytes)
    let pair = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if pair.count == 2 { variables[String(pair[0])] = String(pair[1]) }
    entry += 1
  }
  return variables
}

/// Processors that the operating system runs, at least 1.
public func processorsOnline() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

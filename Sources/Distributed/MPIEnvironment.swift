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
    switch launcher {
    case .none:
      let world = Communicator(aloneOn: hostName(), deadlineSeconds: deadlineSeconds)
      return MPIEnvironment(world: world, launcher: launcher, isRunning: false)
    case .slurmWithoutPMIx:
      throw InputError(
        .badConfiguration,
        "srun started \(environment["SLURM_STEP_NUM_TASKS"] ?? "several") tasks without PMIx, so each would train "
          + "alone; expected one job of that many ranks: use srun --mpi=pmix, or mpirun inside sbatch")
    case .mpirun, .pmix:
      let localRanks = launchedLocalRanks(environment: environment)
      for (name, value) in openMPIDefaults(localRanks: localRanks, cores: processorsOnline()) {
        setenv("OMPI_MCA_" + name, value, 0)
      }
      let world = try initialize(deadlineSeconds: deadlineSeconds)
      return MPIEnvironment(world: world, launcher: launcher, isRunning: true)
    }
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
}

/// The name of this host, up to the first dot.
public func hostName() -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  gethostname(&buffer, buffer.count - 1)
  let bytes = buffer.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: ".")) }
  return String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The variables of this process's environment.
public func processEnvironment() -> [String: String] {
  var variables: [String: String] = [:]
  var entry = environ
  while let text = entry.pointee {
    let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if pair.count == 2 { variables[String(pair[0])] = String(pair[1]) }
    entry += 1
  }
  return variables
}

/// Processors that the operating system runs, at least 1.
public func processorsOnline() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

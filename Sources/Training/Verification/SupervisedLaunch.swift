import Distributed
import Foundation
import Tensors

/// How the jobs of `verify-resume` are started.
struct SupervisedLaunch {
  /// Ranks of a job.
  let ranks: Int
  /// Where the runs and their logs go.
  let folder: String
  private let launcher: String?
  private let arguments: [String]
  private let environment: [String: String]

  /// Jobs that train with a configuration; `ranks` and `launcher` as in `VerifyResumeRequest`.
  init(config: String?, settings: [String], ranks: Int?, launcher: String?, folder: String) {
    let own = processEnvironment()
    let isLaunched = Launcher(environment: own) != .none
    self.ranks = ranks ?? (isLaunched ? IntendedRanks(environment: own)?.count : nil) ?? 1
    (self.launcher, self.folder) = (launcher, folder)
    arguments =
      [SupervisedCommand.programPath, "train"] + (config.map { ["--config", $0] } ?? [])
      + settings.flatMap { ["--set", $0] } + ["--resume", "auto"]
    environment = Self.environment(own, isLaunched: isLaunched, keepsSlurm: launcher != nil)
  }

  /// Starts or resumes the run of a name.
  func start(_ name: String) throws -> SupervisedJob {
    let directory = "\(folder)/\(name)"
    return try SupervisedJob(
      line(for: arguments + ["--output", directory]), directory: directory, environment: environment,
      log: "\(folder)/\(name).log")
  }

  private func line(for arguments: [String]) -> String {
    let line = LaunchLine(arguments: arguments)
    if let launcher { return "\(launcher) \(line.command)" }
    if ranks == 1 { return line.command }
    let cores = CPUTopology.current()
    let threads = environment["OMP_NUM_THREADS"].flatMap { Int($0) } ?? 1
    let fits = ranks * threads <= cores.coreCount(of: cores.cpus)
    if !fits { return line.mpirunSharing(ranks: ranks) }
    return line.mpirun(ranks: ranks, perNode: ranks, nodes: 1, threads: threads)
  }

  /// The variables of a job: without those of a launcher that started this process, which would mislead the next one.
  private static func environment(
    _ own: [String: String], isLaunched: Bool, keepsSlurm: Bool
  ) -> [String: String] {
    var result = own.filter { name, _ in
      if name.hasPrefix("OMPI_ALLOW_RUN_AS_ROOT") { return true }
      if name.hasPrefix("SLURM_") { return keepsSlurm }
      return !isLaunched || !["OMPI_", "PMIX_", "PMI_", "PRTE_", "ORTE_"].contains { name.hasPrefix($0) }
    }
    // After a rank's end mpirun waits twice this many seconds, whether others are left or not.
    result["OMPI_MCA_odls_base_sigkill_timeout"] = "0"
    return result
  }
}

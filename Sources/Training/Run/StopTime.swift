import Distributed
import Tensors

// Note [Time to stop]
// A stop is asked for by a signal, seen at the start of a step, and done when that step and a checkpoint are done: in the
// worst case two steps and a checkpoint after the signal. Launchers wait for that in different ways. mpirun hands SIGUSR1
// on and does not care how long the ranks take; after its own SIGTERM or SIGINT it sends them SIGCONT at once, SIGTERM
// after `odls_base_sigkill_timeout` seconds, and SIGKILL after as many again; from Open MPI 5 on these are a quarter of a
// second each, and nothing changes that (measured with 5.0.7). Slurm's scancel and preemption kill after
// KillWait or GraceTime, and its time limit warns a job before, if it was submitted so. The scripts of launch/ that pass
// signals on as SIGUSR1 say by a variable how long the ranks have.

/// How long the launcher of a run lets the ranks live once they are to stop, and whether that is enough for a checkpoint.
///
/// See Note [Time to stop].
struct StopTime {
  /// The variable by which scripts say the seconds, or `unlimited`.
  static let variable = "DROPBLOCK_STOP_SECONDS"
  private static let mpirunVariable = "OMPI_MCA_odls_base_sigkill_timeout"

  private enum Ender {
    /// mpirun of Open MPI 4, which was told to end; with its time between signals.
    case mpirun(seconds: Double)
    /// mpirun from Open MPI 5 on, which was told to end.
    case hastyMPIrun
    /// Slurm; by its default where no script asked for more.
    case slurm(isDefault: Bool)
  }

  /// The time, in seconds.
  let seconds: Double
  private let ender: Ender
  private var steps = 0
  private var shortestStep = Double.infinity
  private var isSaid = false

  /// The time that a launcher gives by itself or by these variables; nil where nothing ends the ranks before they are done.
  init?(launcher: Launcher, openMPI major: Int, environment: [String: String]) {
    let stated = environment[Self.variable]
    if stated == "unlimited" { return nil }
    if environment["SLURM_JOB_ID"] != nil {
      let asked = stated.flatMap(Double.init)
      (seconds, ender) = (asked ?? 30, .slurm(isDefault: asked == nil))
    } else if launcher == .mpirun && major >= 5 {
      (seconds, ender) = (0.5, .hastyMPIrun)
    } else if launcher == .mpirun {
      let between = max(0, environment[Self.mpirunVariable].flatMap(Double.init) ?? 1)
      (seconds, ender) = (2 * between, .mpirun(seconds: between))
    } else {
      return nil
    }
  }

  /// Takes a step's duration, and that of the last checkpoint, 0 before the first; returns, once, why both may be too long.
  ///
  /// The first step of a process is no measure; of the others the shortest is, so that a pause of the machine says nothing.
  mutating func warning(stepSeconds: Double, checkpointSeconds: Double) -> String? {
    steps += 1
    if steps > 1 { shortestStep = min(shortestStep, stepSeconds) }
    let need = 2 * shortestStep + checkpointSeconds
    if isSaid || steps < 3 || need <= seconds { return nil }
    isSaid = true
    return text(checkpointSeconds, wanted: (1.5 * need).rounded(.up))
  }

  private func text(_ checkpointSeconds: Double, wanted: Double) -> String {
    func short(_ seconds: Double) -> String { NumberText.significant(seconds) }
    let work =
      "a step takes \(short(shortestStep)) s"
      + (checkpointSeconds > 0 ? ", a checkpoint \(short(checkpointSeconds)) s" : "")
    switch ender {
    case .mpirun(let between):
      let enough = NumberText.fixed((wanted / 2).rounded(.up), 0)
      return
        "\(work), but mpirun kills the ranks \(short(seconds)) s after a SIGTERM or SIGINT (twice \(Self.mpirunVariable), "
        + "\(short(between)) s here): no checkpoint of that moment would be left; start mpirun with "
        + "\(Self.mpirunVariable)=\(enough) in its environment, or send it SIGUSR1, after which it kills nobody"
    case .hastyMPIrun:
      return
        "\(work), but mpirun of Open MPI 5 kills the ranks \(short(seconds)) s after a SIGTERM or SIGINT and has no setting for "
        + "it: no checkpoint of that moment would be left; send mpirun SIGUSR1 instead, after which it kills nobody"
    case .slurm(let isDefault):
      let signal = "sbatch --signal=B:USR1@\(NumberText.fixed(wanted, 0))"
      return isDefault
        ? "\(work), but Slurm kills the ranks \(short(seconds)) s after a SIGTERM unless its KillWait is longer: no checkpoint "
          + "of that moment would be left; submit the run with launch/slurm/train.sbatch and \(signal)"
        : "\(work), but this job asked Slurm for a warning \(short(seconds)) s before its end (\(Self.variable)): no "
          + "checkpoint of that moment would be left; submit it with \(signal)"
    }
  }
}

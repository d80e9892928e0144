import Distributed
import Testing

@testable import Training

/// Oracle: Note [Time to stop]; mpirun kills after twice its time-out.
@Suite struct StopTimeTests {
  private let variable = "OMPI_MCA_odls_base_sigkill_timeout"

  /// What is said after each of some steps.
  private func warnings(_ time: StopTime?, _ steps: [Double], checkpoint: Double = 0) -> [String?] {
    var time = time
    return steps.map { time?.warning(stepSeconds: $0, checkpointSeconds: checkpoint) }
  }

  @Test("a step of 17 s under an mpirun that waits twice 5 s is said once, with the value that suffices")
  func mpirun() throws {
    let time = try #require(StopTime(launcher: .mpirun, openMPI: 4, environment: [variable: "5"]))
    #expect(time.seconds == 10)
    let said = warnings(time, [40, 17, 17, 17, 17])
    #expect(said.map { $0 != nil } == [false, false, true, false, false])
    let text = try #require(said[2])
    #expect(text.hasPrefix("a step takes 17.0 s, but mpirun kills the ranks 10.0 s after a SIGTERM or SIGINT"))
    // Two steps are 34 s; half as much again is 51 s, half of that is for each of mpirun's two signals.
    #expect(text.contains("\(variable)=26 ") && text.contains("SIGUSR1"))
    // What it advises is enough for itself.
    #expect(
      warnings(StopTime(launcher: .mpirun, openMPI: 4, environment: [variable: "26"]), [40, 17, 17, 17]).allSatisfy {
        $0 == nil
      })
  }

  @Test("without the variable mpirun waits twice a second; a slow start or a pause of the machine says nothing")
  func shortSteps() throws {
    let time = try #require(StopTime(launcher: .mpirun, openMPI: 4, environment: [:]))
    #expect(time.seconds == 2)
    #expect(warnings(time, [30, 0.4, 20, 0.4, 9]).allSatisfy { $0 == nil })
    #expect(try #require(warnings(time, [3, 1.1, 1.2])[2]).contains("\(variable)=2 "))
  }

  @Test("mpirun of Open MPI 5 waits half a second, whatever the variable says")
  func openMPI5() throws {
    let time = try #require(StopTime(launcher: .mpirun, openMPI: 5, environment: [variable: "60"]))
    #expect(time.seconds == 0.5)
    let text = try #require(warnings(time, [3, 0.3, 0.3])[2])
    #expect(
      text.hasPrefix("a step takes 0.300 s, but mpirun of Open MPI 5 kills") && text.contains("SIGUSR1"), "\(text)")
    #expect(!text.contains(variable))
    #expect(warnings(time, [3, 0.2, 0.2, 0.2]).allSatisfy { $0 == nil })
  }

  @Test("a checkpoint counts once its time is known, also later than the third step")
  func checkpoint() throws {
    var time = try #require(StopTime(launcher: .mpirun, openMPI: 4, environment: [variable: "4"]))
    let early = (0..<5).map { _ in time.warning(stepSeconds: 1, checkpointSeconds: 0) }
    let late = time.warning(stepSeconds: 1, checkpointSeconds: 7)
    let text = try #require(late)
    #expect(early.allSatisfy { $0 == nil })
    #expect(text.hasPrefix("a step takes 1.00 s, a checkpoint 7.00 s, but mpirun") && text.contains("\(variable)=7 "))
  }

  @Test("Slurm's own 30 s, the seconds that a script asked for, and scripts and launchers that end nobody")
  func others() throws {
    let job = ["SLURM_JOB_ID": "7"]
    let plain = try #require(StopTime(launcher: .pmix, openMPI: 4, environment: job))
    #expect(plain.seconds == 30)
    #expect(try #require(warnings(plain, [1, 17, 17])[2]).contains("--signal=B:USR1@51"))
    for launcher in [Launcher.pmix, .mpirun] {
      let asked = try #require(
        StopTime(launcher: launcher, openMPI: 4, environment: job.merging(["DROPBLOCK_STOP_SECONDS": "120"]) { $1 }))
      #expect(asked.seconds == 120 && warnings(asked, [1, 17, 17]).allSatisfy { $0 == nil })
      #expect(try #require(warnings(asked, [1, 90, 90])[2]).contains("sbatch --signal=B:USR1@270"))
      #expect(StopTime(launcher: launcher, openMPI: 4, environment: ["DROPBLOCK_STOP_SECONDS": "unlimited"]) == nil)
    }
    #expect(StopTime(launcher: .none, openMPI: 4, environment: [:]) == nil)
  }
}

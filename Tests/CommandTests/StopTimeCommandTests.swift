import TestSupport
import Testing

/// Oracle: mpirun's time-out of this run.
@Suite struct StopTimeCommandTests {
  @Test(
    "a run says once, and early, that its launcher would not wait for a step; not where it does", arguments: [0, 200])
  func said(seconds: Int) throws {
    let space = try Workspace()
    let variable = "OMPI_MCA_odls_base_sigkill_timeout"
    let result = try space.program(
      ranks: 2, space.train("--set", "train.length=6 steps", "--set", "train.checkpoint_every=6 steps"),
      environment: [variable: "\(seconds)"])
    #expect(result.exitCode == 0, "\(result)")
    let lines = result.errorLines("warning: a step takes ")
    if try TestSupport.run(["mpirun", "--version"]).output.contains("(Open MPI) 4.") {
      #expect(lines.count == (seconds == 0 ? 1 : 0), "\(result)")
      #expect(lines.allSatisfy { $0.contains("start mpirun with \(variable)=") && $0.contains("SIGUSR1") }, "\(result)")
    } else {
      // Later versions have half a second and no variable; whether these steps are shorter depends on the machine.
      #expect(lines.count <= 1 && lines.allSatisfy { $0.contains("send mpirun SIGUSR1") }, "\(result)")
    }
  }
}

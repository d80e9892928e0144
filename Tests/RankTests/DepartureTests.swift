import Foundation
import Testing

/// How a job ends, seen from outside: mpirun starts this very bundle again; see `DepartureRehearsal`.
@Suite("Departures", .serialized)
struct DepartureTests {
  private func run(_ rehearsal: DepartureRehearsal) throws -> (code: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "timeout", "-k", "5", "60", "mpirun", "-np", "2", "--oversubscribe", "--bind-to", "none", "--mca",
      "mpi_yield_when_idle", "1", try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
      "--testing-library", "swift-testing", "--filter", #"RankTests\.Ranks/CollectiveTests/barrier"#,
    ]
    // A clean start, also when these tests themselves run under a launcher.
    var environment = ProcessInfo.processInfo.environment.filter { name, _ in
      !["OMPI_", "PMIX_", "PRTE_", "SLURM_"].contains { name.hasPrefix($0) }
    }
    environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    environment[DepartureRehearsal.variable] = rehearsal.rawValue
    process.environment = environment
    let output = Pipe()
    (process.standardInput, process.standardOutput, process.standardError) = (FileHandle.nullDevice, output, output)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  @Test("an error of one rank, others in a collective: mpirun returns its code and shows its message")
  func oneRank() throws {
    let (code, text) = try run(.oneRankAborts)
    #expect(code == 65, "\(text)")
    #expect(text.contains("error: shard 1 is damaged"))
  }

  @Test("an error that all ranks agreed on: mpirun returns its code and the message appears once")
  func agreed() throws {
    let (code, text) = try run(.allAgree)
    #expect(code == 65, "\(text)")
    #expect(text.components(separatedBy: "shard 1 is damaged").count == 2)
    #expect(text.contains("error: rank 1 on "))
    #expect(!text.contains("MPI_ABORT"))
  }

  @Test("a stop that all ranks know of is code 75, without an abort")
  func stop() throws {
    let (code, text) = try run(.stop)
    #expect(code == 75, "\(text)")
    #expect(!text.contains("MPI_ABORT"))
  }

  @Test("a rank that hangs is a reported stall and code 74")
  func stall() throws {
    let (code, text) = try run(.stall)
    #expect(code == 74, "\(text)")
    #expect(text.contains("stalled: rank 0 on ") && text.contains("phase: rehearsal"))
  }
}

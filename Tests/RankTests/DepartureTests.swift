import Foundation
import TestSupport
import Testing

/// How a job ends, seen from outside: mpirun starts this very bundle again; see `DepartureRehearsal`.
@Suite("Departures", .serialized)
struct DepartureTests {
  private func run(_ rehearsal: DepartureRehearsal) throws -> (code: Int32, text: String) {
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    // A clean start, also when these tests themselves run under a launcher: empty values remove variables.
    let launched = ProcessInfo.processInfo.environment.keys.filter { name in
      ["OMPI_", "PMIX_", "PRTE_", "SLURM_"].contains { name.hasPrefix($0) }
    }
    var environment = Dictionary(uniqueKeysWithValues: launched.map { ($0, "") }).merging(mpirunEnvironment) { $1 }
    environment[DepartureRehearsal.variable] = rehearsal.rawValue
    let result = try TestSupport.run(
      mpirunPrefix(ranks: 2) + [
        bundle, "--testing-library", "swift-testing", "--filter", #"RankTests\.Ranks/CollectiveTests/barrier"#,
      ], environment: environment)
    return (result.exitCode, result.output + result.errorOutput)
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

import Foundation
import TestSupport
import Testing

/// The helpers that every other test trusts.
@Suite struct TestSupportTests {
  @Test("closeness measures the norm, the largest difference and the worst element")
  func closeness() {
    // Oracle: by hand; the difference is (0, 0.5), the expected norm 5.
    let closeness = Closeness(of: [3, 4.5], to: [3, 4])
    #expect(closeness.relativeL2 == 0.1)
    #expect(closeness.maximumDifference == 0.5)
    #expect(closeness.worstIndex == 1)
    #expect(closeness.maximumUlps == 0.5 / Double(Float(4).ulp))
    #expect(Closeness(of: [1], to: [1]).relativeL2 == 0)
    #expect(Closeness(of: [], to: []).relativeL2 == 0)
    #expect(Closeness(of: [.infinity, 1], to: [.infinity, 1]).relativeL2 == 0)
    #expect(Closeness(of: [.infinity, 2], to: [.infinity, 1]).relativeL2 == 1)
    #expect(Closeness(of: [5, 1], to: [.infinity, 1]).relativeL2 == .infinity)
    #expect(Closeness(of: [0.25, 0], to: [0, 0]).relativeL2 == 0.25)
  }

  @Test("an element that is not a number fails every comparison and is the one named", arguments: [0, 1, 2])
  func notANumber(place: Int) {
    var actual: [Float] = [1, 9, 3]
    actual[place] = .nan
    let closeness = Closeness(of: actual, to: [1, 2, 3])
    #expect(!(closeness.relativeL2 < .infinity))
    #expect(closeness.worstIndex == place)
    #expect(closeness.maximumDifference.isNaN)
  }

  @Test("a flat index is named by its coordinates")
  func namedCoordinates() {
    #expect(coordinates(of: 23, in: [2, 3, 4]) == [1, 2, 3])
    #expect(coordinates(of: 5, in: [2, 3, 4]) == [0, 1, 1])
  }

  @Test("a command's output, error output and exit code are captured, also when there is much of it")
  func capture() throws {
    let result = try run(
      ["sh", "-c", "echo out $MARK; echo err >&2; head -c 300000 /dev/zero | tr '\\0' x; exit 65"],
      environment: ["MARK": "here"])
    #expect(result.exitCode == 65)
    #expect(result.output.hasPrefix("out here\n"))
    #expect(result.output.count == 9 + 300_000)
    #expect(result.errorOutput == "err\n")
    #expect(!result.timedOut)
    #expect(try run(["sh", "-c", "kill -9 $$"]).exitCode == 137)
    #expect(try run(["pwd"], directory: "/usr").output == "/usr\n")
    #expect(throws: CannotStart.self) { try run(["no-such-command-here"]) }
  }

  @Test("a command that does not end is stopped at its time limit")
  func timeLimit() throws {
    let result = try run(["sleep", "60"], timeoutSeconds: 0.2)
    #expect(result.timedOut)
    #expect(result.exitCode == 128 + SIGTERM)
  }

  @Test("a command runs on more ranks than cores under mpirun, and the first failing rank's code comes back")
  func underMPIRun() throws {
    let script =
      "echo rank $OMPI_COMM_WORLD_RANK threads $OMP_NUM_THREADS; exit $((OMPI_COMM_WORLD_RANK == 2 ? 65 : 0))"
    let result = try run(mpirunPrefix(ranks: 4) + ["sh", "-c", script], environment: mpirunEnvironment)
    #expect(result.exitCode == 65, "\(result)")
    #expect(result.output.contains("rank 2 threads 1\n"))
  }

  @Test("a temporary directory goes away with its object")
  func temporaryDirectory() throws {
    var path = ""
    do {
      let folder = try TemporaryDirectory()
      path = folder.path
      try folder.write("text", to: "file")
      #expect(FileManager.default.fileExists(atPath: path + "/file"))
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}

import Foundation
import TestSupport
import Testing

/// Oracle: one process that sees everything.
@Suite struct FirstRankTests {
  @Test("only the first rank of evaluate needs the checkpoint")
  func checkpoint() throws {
    let space = try Workspace()
    let files = [1, 2].map { space.folder.file("\($0).json") }
    let alone = try space.program(ranks: 1, space.evaluate("--json", files[0]))
    #expect(alone.exitCode == 0, "\(alone)")
    let second = ["evaluate", "--checkpoint", "/no/such/run", "--set", "data.root=\(space.data)", "--json", files[1]]
    let both = try runPrograms(
      [space.evaluate("--json", files[1]), second].map { [Locations.program] + $0 },
      environment: space.trained.environment)
    #expect(both.exitCode == 0 && both.output.contains("on 2 ranks"), "\(both)")
    #expect(FileManager.default.contentsEqual(atPath: files[0], andPath: files[1]))
  }
}

import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: the lists by hand.
@Suite struct SweepGridTests {
  @Test("every pair is one evaluation, but 1 is one for all block sizes; what is there already is left out")
  func points() throws {
    let grid = try SweepGrid(keepProbabilities: "0.9,1,0.5", blockSizes: "7,1")
    func point(_ keepProbability: Double, _ blockSizes: Int...) -> SweepPoint {
      SweepPoint(keepProbability: keepProbability, blockSizes: blockSizes)
    }
    #expect(
      grid.points { _, _ in false }
        == [point(0.9, 7), point(0.9, 1), point(1, 7, 1), point(0.5, 7), point(0.5, 1)])
    #expect(
      grid.points { blockSize, keepProbability in blockSize == 7 && keepProbability > 0.6 }
        == [point(0.9, 1), point(1, 1), point(0.5, 7), point(0.5, 1)])
    #expect(grid.points { _, _ in true }.isEmpty)
  }

  @Test(
    "a malformed list is error 64",
    arguments: [
      ("1,0.9,1", "1", "got \"1\""), ("0", "1", "got \"0\""), ("0.9,", "1", "got \"\""), ("1", "7,x", "got \"x\""),
    ])
  func malformed(keepProbabilities: String, blockSizes: String, words: String) {
    let error = thrown(InputError.self) {
      try SweepGrid(keepProbabilities: keepProbabilities, blockSizes: blockSizes)
    }
    #expect(error?.exitCode == .usage && error?.description.contains(words) == true, "\(error?.description ?? "")")
  }
}

import Tensors
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
    let error = #expect(throws: InputError.self) {
      try SweepGrid(keepProbabilities: keepProbabilities, blockSizes: blockSizes)
    }
    #expect(error?.exitCode == .usage && error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test("a checkpoint's name is what stands before the first =, or the last part of its path")
  func checkpoints() throws {
    for (text, name, path) in [
      ("runs/block 7", "block 7", "runs/block 7"), ("runs/a/", "a", "runs/a/"), ("a=b=c", "a", "b=c"),
      ("./a=b", "a=b", "./a=b"), ("ü & <x>=/r", "ü & <x>", "/r"),
      ("/x/w.safetensors", "w.safetensors", "/x/w.safetensors"),
    ] {
      let checkpoint = try SweepCheckpoint(text)
      #expect(checkpoint.name == name && checkpoint.path == path)
    }
    for text in ["", "=a", "a=", "a,b=c", "a\"=c", "a\n=c", "/"] {
      let error = #expect(throws: InputError.self, "\(text)") { try SweepCheckpoint(text) }
      #expect(error?.exitCode == .usage)
    }
    let same = try ["a=1", "b=2", "runs/a"].map { try SweepCheckpoint($0) }
    let error = #expect(throws: InputError.self) { try SweepCheckpoint.requireDifferentNames(same) }
    #expect(error?.exitCode == .usage && error?.description.contains("1 and runs/a are both called a") == true)
  }
}

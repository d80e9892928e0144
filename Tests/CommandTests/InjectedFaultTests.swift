import Checkpoints
import TestSupport
import Testing

/// Oracle: the documented codes, messages and files of a run that does itself a harm.
@Suite(.serialized) struct InjectedFaultTests {
  @Test("a mistaken fault is code 64 before MPI starts; a rank or tensor that is not there, after planning")
  func mistakes() throws {
    let space = try Workspace()
    try space.program(ranks: 1, space.train("--inject", "explode:rank=0,step=1"))
      .expectError(64, ["--inject explode:rank=0,step=1: there is no", "expected kill:"])
    try space.program(ranks: 1, space.train("--inject", "kill:rank=1,step=1"))
      .expectError(64, ["there is no rank 1"])
    try space.program(ranks: 1, space.train("--inject", "bitflip:rank=0,step=1,tensor=backbone.body.conv1.weihgt"))
      .expectError(64, ["no tensor", "did you mean backbone.body.conv1.weight?"])
  }

  @Test("a rank that is killed is code 137, and every checkpoint before it is there", arguments: [0, 1])
  func kill(rank: Int) throws {
    let space = try Workspace()
    let result = try space.program(ranks: 2, space.train("--inject", "kill:rank=\(rank),step=2"))
    #expect(result.exitCode == 137, "\(result)")
    #expect(result.errorLines("injected fault: rank \(rank) on ").count == 1, "\(result)")
    #expect(CheckpointStore(runDirectory: space.folder.file("run")).steps == [1], "\(result)")
  }

  @Test("a flipped bit is code 76 before the next checkpoint, with tensor and ranks; the one before it stays")
  func bitFlip() throws {
    let space = try Workspace()
    let tensor = "backbone.body.layer2.0.conv1.weight"
    let result = try space.program(
      ranks: 2,
      space.train(
        "--inject", "bitflip:rank=1,step=3,tensor=\(tensor)", "--set", "train.length=8 steps",
        "--set", "train.checkpoint_every=2 steps"))
    result.expectError(76, ["step 4: the replicas differ in \(tensor)", "rank 1 on", "agreed after step 2"])
    #expect(CheckpointStore(runDirectory: space.folder.file("run")).steps == [2], "\(result)")
  }
}

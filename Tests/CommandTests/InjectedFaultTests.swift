import Checkpoints
import Foundation
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

  @Test("a rank that is killed is code 137, and what was saved before the last checkpoint is there", arguments: [0, 1])
  func kill(rank: Int) throws {
    let space = try Workspace()
    let result = try space.program(
      ranks: 2, space.train("--inject", "kill:rank=\(rank),step=3", "--set", "train.length=4 steps"))
    #expect(result.exitCode == 137, "\(result)")
    #expect(result.errorLines("injected fault: rank \(rank) on ").count == 1, "\(result)")
    // The set of step 2 is written beside step 3; that of step 1 was complete before.
    let steps = CheckpointStore(runDirectory: space.folder.file("run")).steps
    #expect(steps == [1] || steps == [1, 2], "\(result)")
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

  @Test("a NaN in a rank's input is code 76 on all, and names the rank, its images and where it began")
  func notANumber() throws {
    let space = try Workspace()
    let result = try space.program(ranks: 2, space.train("--inject", "nan:rank=1,step=2,place=input"))
    result.expectError(76, ["step 2: the loss is not finite", "rank 1 on", "it began in the input: image "])
    let line = try #require(result.errorLines("  rank 1 on ").first, "\(result)")
    let images = try #require(line.split(separator: ": images ").last?.split(separator: ";"))
    #expect(images.count == 2 && images[1].hasSuffix(" image \(images[0])"), "one image a rank: \(line)")
    #expect(result.errorLines("  rank 0 on ").isEmpty, "\(result)")
    #expect(CheckpointStore(runDirectory: space.folder.file("run")).steps == [1], "\(result)")
  }

  @Test("skipped steps are warnings until there are too many in a row; one that is not resets the count")
  func skipped() throws {
    let space = try Workspace()
    let result = try space.program(
      ranks: 1,
      space.train(
        "--inject", "nan:rank=0,step=1", "--inject", "nan:rank=0,step=3", "--inject", "nan:rank=0,step=4",
        "--set", "train.non_finite_loss=skip", "--set", "train.max_skipped_steps=1", "--set", "train.length=9 steps"))
    result.expectError(
      76, ["step 4: the loss is not finite", "(box loss)", "max_skipped_steps = 1 steps in a row were skipped"])
    #expect(
      result.errorLines("warning: step 1: ").first?.contains("skipped, 1 in a row; rank 0 on ") == true, "\(result)")
    #expect(
      result.errorLines("warning: step 3: ").first?.contains("skipped, 1 in a row; rank 0 on ") == true, "\(result)")
  }

  @Test("a stop before the evaluation is due puts it off: the same command begins with it")
  func stoppedBeforeEvaluation() throws {
    let space = try Workspace()
    let result = try space.program(ranks: 2, space.train("--inject", "stop:rank=1,step=2"))
    #expect(result.exitCode == 75, "\(result)")
    let directory = space.folder.file("run")
    let set = "\(directory)/checkpoints/\(CheckpointStore.name(ofStep: 2))"
    #expect(try CheckpointSet(directory: set).state.metric == nil)
    let rows = { try String(contentsOfFile: "\(directory)/metrics.jsonl", encoding: .utf8).split(separator: "\n") }
    #expect(try rows().count { $0.contains("\"AP\"") } == 0)
    let again = try space.program(ranks: 2, space.train())
    #expect(again.exitCode == 0 && again.output.contains("finished: all 2 steps are done"), "\(again)")
    #expect(try rows().count { $0.contains("\"AP\"") } == 1)
    #expect(try CheckpointSet(directory: set).state.metric != nil)
  }
}

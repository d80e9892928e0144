import Foundation
import TestSupport
import Testing

/// Oracle: the documented exit codes; one message that names the file and the place, on one rank and on two.
@Suite(.serialized) struct BadInputTests {
  private func check(_ mistake: BadInputCase) throws {
    for ranks in mistake.ranks {
      let space = try Workspace()
      try space.program(ranks: ranks, mistake.prepare(space)).expectError(mistake.code, mistake.words)
    }
  }

  @Test("a mistake in the settings ends with its code and one message", arguments: BadInputCase.settings)
  func settings(mistake: BadInputCase) throws { try check(mistake) }

  @Test("a mistake in the data ends with its code and one message", arguments: BadInputCase.data)
  func data(mistake: BadInputCase) throws { try check(mistake) }

  @Test(
    "a checkpoint that does not fit ends with its code and one message", arguments: BadInputCase.checkpoints)
  func checkpoints(mistake: BadInputCase) throws { try check(mistake) }

  @Test(
    "a mistake in what DropBlock at inference is told ends with its code and one message",
    arguments: BadInputCase.inferenceDropBlock)
  func inferenceDropBlock(mistake: BadInputCase) throws { try check(mistake) }

  @Test("an output that cannot be written ends with its code and one message", arguments: BadInputCase.outputs)
  func outputs(mistake: BadInputCase) throws { try check(mistake) }

  @Test("a disk that fills up during the run is code 73 and names the file; no half checkpoint stays")
  func fullDisk() throws {
    let space = try Workspace()
    // A limit on the size of files refuses writes as a full disk does; a model has 77 MB, what comes before has less.
    let limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 20000; exec \"$0\" \"$@\"", Locations.program]
    let result = try run(limited + space.train(), environment: space.trained.environment)
    result.expectError(73, ["/run/checkpoints/", "model.safetensors: cannot write: File too large"])
    let left = try FileManager.default.contentsOfDirectory(atPath: space.folder.file("run/checkpoints"))
    #expect(left.isEmpty)
  }

  @Test("bfloat16 on a processor without it is code 78 and says what to use", arguments: [1, 2])
  func precision(ranks: Int) throws {
    let space = try Workspace()
    let environment = space.trained.environment.merging(["DNNL_MAX_CPU_ISA": "AVX2"]) { $1 }
    let arguments = space.train("--set", "precision=bf16")
    let result =
      ranks == 1
      ? try run([Locations.program] + arguments, environment: environment)
      : try runProgram(ranks: ranks, arguments, environment: mpirunEnvironment.merging(environment) { $1 })
    result.expectError(78, ["precision: got bf16", "AVX512_BF16", "--set precision=f32"])
  }

  @Test("ranks that cannot share the images of a checkpoint's updates are code 78, with the numbers that can")
  func otherRanks() throws {
    let space = try Workspace()
    _ = try space.copyOfRun()
    let result = try space.program(ranks: 2, space.train())
    result.expectError(78, ["has 1 images, which 2 ranks cannot share evenly", "one of these numbers of ranks: 1"])
  }

  @Test(
    "an annotation id of 0, which is never counted as found, is a warning of each run that evaluates",
    arguments: [1, 2])
  func zeroID(ranks: Int) throws {
    let space = try Workspace()
    try space.replace("{\"id\": 1, \"image_id\"", "{\"id\": 0, \"image_id\"", in: space.annotations("val"))
    let warning =
      "warning: \(space.annotations("val")): annotation id 0 of image 1: pycocotools never counts this object "
    for arguments in [space.evaluate(), space.train("--dry-run", "--set", "batch.per_rank=1")] {
      let result = try space.program(ranks: ranks, arguments)
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.errorLines("warning: \(space.data)").map { $0.hasPrefix(warning) } == [true], "\(result)")
    }
  }

  @Test("a finished run, which evaluates nothing any more, does not ask for the pictures")
  func finished() throws {
    let space = try Workspace()
    _ = try space.copyOfRun()
    try space.remove(space.picture("val", 4))
    let result = try space.program(ranks: 1, space.train())
    #expect(result.exitCode == 0 && result.output.contains("finished: all 2 steps are done"), "\(result)")
    // With a step more there is an evaluation behind it.
    let more = try space.program(ranks: 1, space.train("--set", "train.length=3 steps", "--resume", "never"))
    more.expectError(65, ["/val2017/000004.jpg is missing", "evaluation leaves nothing out"])
    #expect(!more.output.contains("step 1"), "\(more)")
  }

  @Test("fewer images than ranks is code 65 on all of them")
  func fewImages() throws {
    let space = try Workspace()
    let result = try space.program(ranks: 9, space.train())
    result.expectError(65, ["instances_train2017.json: has 8 images, a step takes 9", "9 ranks"])
  }

  @Test("training drops unreadable images and flat boxes, names each once and counts them", arguments: [1, 2])
  func faults(ranks: Int) throws {
    let space = try Workspace()
    try space.truncate(space.picture("train", 3))
    try space.remove(space.picture("train", 5))
    try space.replace("\"bbox\": [", "\"bbox\": [3, 3, 0, 4], \"was\": [", in: space.annotations("train"))
    // Two passes meet every fault twice.
    let arguments = space.train("--set", "train.length=2 epochs", "--set", "train.checkpoint_every=9 epochs")
    let result = try space.program(ranks: ranks, arguments + ["--set", "data.max_faults=3"])
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.errorLines("error").isEmpty)
    let log = try String(contentsOfFile: space.folder.file("run/log.txt"), encoding: .utf8)
    for fault in [
      "/train2017/000003.jpg: cannot be decoded", "/train2017/000005.jpg: cannot be opened", "annotation 1 of",
    ] {
      #expect(result.errorLines("warning: ").count { $0.contains(fault) && $0.contains("; dropped") } == 1, "\(result)")
      #expect(log.contains(fault))
    }
    #expect(result.output.contains("faults in the training data: 3"), "\(result)")
  }

  @Test("a loss that is not finite is code 76 and names step and remedy; no checkpoint is written", arguments: [1, 2])
  func divergence(ranks: Int) throws {
    let space = try Workspace()
    let result = try space.program(
      ranks: ranks,
      space.train("--set", "learning_rate.peak=1e30", "--set", "train.checkpoint_every=9 steps"))
    result.expectError(
      76, ["step 2: the loss is not finite", "rank 0 on", ": images ", "it began", "learning_rate.peak"])
    #expect(!FileManager.default.fileExists(atPath: space.folder.file("run/checkpoints/latest")))
  }

  @Test("a checkpoint with numbers that are not finite is code 65 and names the tensor")
  func notFinite() throws {
    let space = try Workspace()
    let file = "\(space.trained.run)/checkpoints/latest/model.safetensors"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xc0, 0x7f])
    let broken = space.folder.file("broken.safetensors")
    try bytes.write(to: URL(fileURLWithPath: broken))
    let result = try space.program(
      ranks: 1, ["evaluate", "--checkpoint", broken, "--config", space.trained.configuration])
    result.expectError(65, ["broken.safetensors: ", ": expected finite numbers"])
  }
}

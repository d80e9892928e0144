import Foundation
import TestSupport
import Testing

@testable import Checkpoints

/// Oracle: the documented exit codes, messages and files of runs that are taken up again.
@Suite(.serialized) struct ResumptionTests {
  @Test("a finished run says so and is code 0")
  func finished() throws {
    let space = try Workspace()
    _ = try space.copyOfRun()
    let result = try space.program(ranks: 1, space.train())
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.contains("finished: all 2 steps are done"), "\(result)")
  }

  @Test("a dry run leaves a run directory as it is, whatever it would begin with")
  func dryRun() throws {
    let space = try Workspace()
    let run = try space.copyOfRun()
    func contents() throws -> [String: Data] {
      let names = try FileManager.default.contentsOfDirectory(atPath: run).filter { $0 != "checkpoints" }
      return Dictionary(
        uniqueKeysWithValues: names.compactMap { name in
          FileManager.default.contents(atPath: "\(run)/\(name)").map { (name, $0) }
        })
    }
    let before = try contents()
    #expect(before["metrics.jsonl"]?.isEmpty == false)
    let doctor = try space.program(ranks: 1, ["doctor"] + space.train())
    let room = try #require(doctor.output.firstMatch(of: /free for up to \d+ sets of \d+ MiB/)?.output, "\(doctor)")
    for (resume, time) in [("auto", "none: all 2 steps are done"), ("never", " for 2 steps of ")] {
      let result = try space.program(ranks: 1, space.train("--dry-run", "--resume", resume))
      #expect(result.exitCode == 0 && result.output.contains("dry run: planned"), "\(result)")
      #expect(result.output.contains(room) && result.output.contains(time), "\(result)")
      #expect(try contents() == before, "\(resume)")
    }
  }

  @Test("a reader of the console that leaves does not end a run")
  func brokenPipe() throws {
    let space = try Workspace()
    let words = [Locations.program] + space.train("--set", "train.length=4 steps")
    let line = words.map { "'\($0)'" }.joined(separator: " ")
    let result = try run(
      ["bash", "-c", "set -o pipefail; \(line) | head -n 1"], environment: space.trained.environment)
    #expect(result.exitCode == 0, "\(result)")
    let rows = try String(contentsOfFile: space.folder.file("run/metrics.jsonl"), encoding: .utf8)
    #expect(rows.contains("\"step\": 4,"), "\(rows)")
  }

  @Test("a damaged newest checkpoint is named in a warning, and the one before it is used")
  func damagedNewest() throws {
    let space = try Workspace()
    let run = try space.copyOfRun()
    try space.damage("\(run)/checkpoints/step-00000002/model.safetensors")
    let result = try space.program(ranks: 1, space.train())
    #expect(result.exitCode == 0, "\(result)")
    let warning = try #require(result.errorLines("warning: skipping the damaged checkpoint").first, "\(result)")
    #expect(warning.contains("\(run)/checkpoints/step-00000002/model.safetensors"))
    #expect(result.output.contains("resuming from \(run)/checkpoints/step-00000001"), "\(result)")
    // The step after it is done again, to the bytes of the run that was not damaged.
    for name in ["model.safetensors", "optimizer.safetensors"] {
      let files = [run, space.trained.run].map { "\($0)/checkpoints/step-00000002/\(name)" }
      #expect(FileManager.default.contentsEqual(atPath: files[0], andPath: files[1]), "\(name)")
    }
  }

  @Test(
    "a newest checkpoint with any file flipped, empty, cut or missing is passed over by name",
    arguments: ["model.safetensors", "optimizer.safetensors", "state.json"])
  func damagedFiles(name: String) throws {
    let space = try Workspace()
    let run = try space.copyOfRun()
    let (file, sound) = ("\(run)/checkpoints/step-00000002/\(name)", space.folder.file("sound"))
    try FileManager.default.copyItem(atPath: file, toPath: sound)
    for damage in [space.damage, space.empty, space.truncate, space.remove] {
      try space.remove(file)
      try FileManager.default.copyItem(atPath: sound, toPath: file)
      try damage(file)
      // A dry run opens the checkpoint, takes its state and stops.
      let result = try space.program(ranks: 1, space.train("--dry-run"))
      #expect(result.exitCode == 0, "\(result)")
      let warning = try #require(result.errorLines("warning: skipping the damaged checkpoint").first, "\(result)")
      #expect(warning.contains("\(run)/checkpoints/step-00000002: ") && warning.contains(name), "\(result)")
      #expect(result.output.contains("resuming from \(run)/checkpoints/step-00000001"), "\(result)")
    }
  }

  @Test("a run that was computed with another library says so, once, and goes on; with the same it says nothing")
  func otherArithmetic() throws {
    let space = try Workspace()
    let run = try space.copyOfRun()
    let set = "checkpoints/step-00000001"
    let path = "\(run)/\(set)/state.json"
    let file = try StateFile(path: path)
    var state = file.state
    let own = try #require(state.extra["arithmetic"])
    #expect(own.hasPrefix("oneDNN ") && own.contains("AVX"), "\(own)")
    state.extra["arithmetic"] = "oneDNN 0.1.2, abacus"
    try space.remove(path)
    try Data(StateFile(files: file.files, state: state).encoded()).write(to: URL(fileURLWithPath: path))

    let words = "warning: the checkpoint was computed with oneDNN 0.1.2, abacus, this run goes on with \(own): "
    for (resumed, warnings) in [(run, 1), (space.trained.run, 0)] {
      // From another run's checkpoint, so that both end in a directory of their own.
      let output = space.folder.file("out\(warnings)")
      let result = try space.program(
        ranks: 1,
        ["--config", space.trained.configuration, "--set", "data.root=\(space.data)", "--output", output]
          + ["--resume", "\(resumed)/\(set)"])
      #expect(result.exitCode == 0 && result.output.contains("step 2/2"), "\(result)")
      #expect(result.errorLines(words).count == warnings, "\(result)")
    }
  }

  @Test("SIGTERM to one of two ranks leaves one complete checkpoint and code 75; the same command finishes")
  func stopped() throws {
    let space = try Workspace()
    let directory = space.folder.file("run")
    let arguments = space.train("--set", "train.length=16 steps", "--set", "train.checkpoint_every=99 steps")
    // A first line of progress means that the handlers are there.
    when("\(directory)/log.txt", says: "\nstep ") {
      if let process = rankProcesses(mentioning: directory)[1] { kill(process, SIGTERM) }
    }
    let result = try space.program(ranks: 2, arguments)
    #expect(result.exitCode == 75, "\(result)")
    #expect(result.errorLines("error").isEmpty, "\(result)")
    #expect(result.output.contains("with a complete checkpoint; run the same command again"), "\(result)")
    let store = CheckpointStore(runDirectory: directory)
    let step = try #require(store.steps.first)
    #expect(store.steps.count == 1 && store.latestStep == step && (1..<16).contains(step))
    let set = try CheckpointSet(directory: "\(directory)/checkpoints/\(CheckpointStore.name(ofStep: step))")
    #expect(set.state.step == step && set.state.worldSize == 2)

    let again = try space.program(ranks: 2, arguments)
    #expect(again.exitCode == 0, "\(again)")
    #expect(again.output.contains("resuming from \(set.directory)"), "\(again)")
    #expect(again.output.contains("finished: 16 steps"), "\(again)")
    // One row a step: none is lost and none is done twice.
    let rows = try String(contentsOfFile: "\(directory)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    #expect(rows.count { $0.contains("\"loss\"") } == 16)
  }

  @Test("four ranks, stopped through each of them by another signal, do every step once")
  func everySignal() throws {
    let space = try Workspace()
    let directory = space.folder.file("run")
    let arguments = space.train("--set", "train.length=24 steps", "--set", "train.checkpoint_every=99 steps")
    for (rank, signal) in [SIGUSR1, SIGINT, SIGCONT, SIGTERM].enumerated() {
      // The first comes about as the first step begins, the others after a step of their own run.
      let done = CheckpointStore(runDirectory: directory).latestStep
      when("\(directory)/log.txt", says: done.map { " \($0 + 1)/24 " } ?? "  output ") {
        if let process = rankProcesses(mentioning: directory)[rank] { kill(process, signal) }
      }
      let result = try space.program(ranks: 4, arguments)
      #expect(result.exitCode == 75 && result.errorLines("error").isEmpty, "signal \(signal): \(result)")
      let step = try #require(CheckpointStore(runDirectory: directory).latestStep, "\(result)")
      #expect(step > done ?? -1 && step < 24, "signal \(signal): \(result)")
      #expect(result.output.contains("stopped after step \(step) with a complete checkpoint"), "\(result)")
    }
    let last = try space.program(ranks: 4, arguments)
    #expect(last.exitCode == 0, "\(last)")
    let rows = try String(contentsOfFile: "\(directory)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    #expect(rows.count { $0.contains("\"loss\"") } == 24)
  }
}

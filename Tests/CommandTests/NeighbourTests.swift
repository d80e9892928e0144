import Checkpoints
import Foundation
import TestSupport
import Testing

/// Oracle: the documented exit codes, and what the file system holds afterwards.
@Suite(.serialized) struct NeighbourTests {
  /// Arguments of a run that does not end by itself within the time of a test.
  private func endless(_ space: Workspace, _ more: String...) -> [String] {
    space.train("--set", "train.length=100000 steps", "--set", "train.checkpoint_every=7 steps")
      + more.flatMap { ["--set", $0] }
  }

  @Test(
    "a run whose directory is moved, removed or replaced ends with 73 and makes no other one",
    arguments: [1, 2], ["move", "remove", "replace"])
  func directory(ranks: Int, deed: String) throws {
    let space = try Workspace()
    let (run, moved) = (space.folder.file("run"), space.folder.file("moved"))
    when("\(run)/log.txt", says: " 2/100000 ") {
      // What the run is just writing may come back once.
      if deed == "remove" {
        while (try? FileManager.default.removeItem(atPath: run)) == nil {}
      } else {
        rename(run, moved)
        if deed == "replace" { mkdir(run, 0o700) }
      }
    }
    let result = try space.program(ranks: ranks, endless(space))
    result.expectError(73, ["\(run)", "was moved or removed while the run was writing to it"])
    #expect(!result.output.contains("finished"), "\(result)")
    if deed == "replace" {
      #expect(try FileManager.default.contentsOfDirectory(atPath: run).isEmpty)
    } else {
      #expect(!FileManager.default.fileExists(atPath: run))
    }
    if deed != "remove" { #expect(FileManager.default.fileExists(atPath: "\(moved)/metrics.jsonl")) }
  }

  @Test("with write_failure: continue a moved directory is a warning, and the run goes on when it is back")
  func movedBack() throws {
    let space = try Workspace()
    let (run, moved, log) = (space.folder.file("run"), space.folder.file("moved"), space.folder.file("error.txt"))
    // What goes to standard error must be seen while the run goes on.
    let command = ["bash", "-c", "exec \"$0\" \"$@\" 2> '\(log)'", Locations.program]
    let arguments = command + endless(space, "train.write_failure=continue")
    let environment = space.trained.environment
    let job = Background { try TestSupport.run(arguments, environment: environment) }
    func says(_ path: String, _ text: String) -> Bool {
      HangLimit.wait { (try? String(contentsOfFile: path, encoding: .utf8))?.contains(text) == true }
    }
    #expect(says("\(run)/log.txt", " 2/100000 "))
    let process = try RunOwner(of: run).process
    rename(run, moved)
    #expect(says(log, "warning: not written: \(run): the directory was moved or removed"))
    rename(moved, run)
    let latest = CheckpointStore(runDirectory: run).latestStep ?? 0
    #expect(HangLimit.wait { CheckpointStore(runDirectory: run).latestStep ?? 0 > latest })
    kill(process, SIGTERM)
    #expect(try job.result().exitCode == 75)
  }

  @Test(
    "a second start of the same command is refused and touches nothing; after kill -9 it starts at once",
    arguments: [1, 2])
  func twice(ranks: Int) throws {
    let space = try Workspace()
    let run = space.folder.file("run")
    let arguments = endless(space)
    let first = Background { try space.program(ranks: ranks, arguments) }
    // Killed before it, the run would begin anew instead of resuming.
    #expect(HangLimit.wait { CheckpointStore(runDirectory: run).latestStep != nil })
    let owner = try RunOwner(of: run)
    #expect(kill(owner.process, 0) == 0)

    let second = try space.program(ranks: ranks, endless(space))
    second.expectError(
      73, ["\(run): another run writes to it: process \(owner.process) on \(owner.host), since \(owner.since)"])
    #expect(!second.output.contains("resuming") && !second.output.contains("dropblock-dist:"), "\(second)")
    #expect(!first.hasEnded)

    #expect(kill(owner.process, SIGKILL) == 0)
    #expect(try first.result().exitCode == 137)
    when("\(run)/log.txt", says: "resuming from ") {
      // The lock of the run that goes on.
      if let next = try? RunOwner(of: run) { kill(next.process, SIGTERM) }
    }
    let third = try space.program(ranks: ranks, endless(space))
    #expect(third.exitCode == 75 && third.errorLines("error").isEmpty, "\(third)")
    // Each step has one row, though three runs were started.
    let rows = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    let steps = rows.compactMap { row in
      (try? JSONSerialization.jsonObject(with: Data(row.utf8)) as? [String: Any])?["step"] as? Int
    }
    #expect(steps == Array(1...max(1, steps.count)))
  }

  @Test(
    "a full pipe behind standard output, or behind both, stops neither training nor SIGTERM", arguments: [false, true])
  func nobodyReads(both: Bool) throws {
    for isStopped in [false, true] {
      let space = try Workspace()
      let run = space.folder.file("run")
      // A FIFO that is open at both ends, full, and read by nobody.
      let fifo = space.folder.file("fifo")
      let script = """
        mkfifo '\(fifo)'; exec 3<>'\(fifo)'; head -c 65536 /dev/zero >&3
        exec "$0" "$@" >&3 \(both ? "2>&3" : "")
        """
      let arguments = ["bash", "-c", script, Locations.program] + (isStopped ? endless(space) : space.train())
      if isStopped {
        when("\(run)/log.txt", says: " 1/100000 ") {
          if let owner = try? RunOwner(of: run) { kill(owner.process, SIGTERM) }
        }
      }
      let result = try TestSupport.run(arguments, environment: space.trained.environment)
      #expect(result.exitCode == (isStopped ? 75 : 0), "\(result)")
      #expect(CheckpointStore(runDirectory: run).latestStep != nil)
    }
  }

  @Test(
    "a cache that everybody may write to is refused before anything of it is used; planted links lead nowhere",
    arguments: [1, 2])
  func plantedCache(ranks: Int) throws {
    let space = try Workspace()
    let temporary = space.folder.file("tmp")
    let cache = "\(temporary)/dropblock-dist-\(getuid())"
    try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    let victim = try space.folder.write("mine", to: "victim")
    // Names that a process of the next numbers would have taken.
    for name in ["algorithms.json", "hash-1-1"] {
      for number in 0..<2000 { symlink(victim, "\(cache)/\(name).\(Int(getpid()) + number)") }
    }
    #expect(chmod(cache, 0o1777) == 0)
    let before = try FileManager.default.contentsOfDirectory(atPath: cache).sorted()
    let result = try space.program(
      ranks: ranks, space.train("--set", "planner.algorithms=timed"),
      environment: ["DROPBLOCK_CACHE": "", "XDG_CACHE_HOME": "", "TMPDIR": temporary])
    result.expectError(
      73, ["\(cache): others may write into the cache directory (mode 1777)", "chmod go-w", "DROPBLOCK_CACHE"])
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache).sorted() == before)
  }

  @Test("relative outputs go where the program was started, and nowhere else")
  func relativeOutputs() throws {
    let space = try Workspace()
    let place = space.folder.file("elsewhere")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let name = "found-\(UUID().uuidString)"
    func program(_ arguments: [String]) throws {
      let result = try runProgram(arguments, environment: space.trained.environment, directory: place)
      #expect(result.exitCode == 0, "\(result)")
    }
    let checkpoint = ["--checkpoint", space.trained.run]
    try program(["predict"] + checkpoint + ["--output", name, space.picture("val", 1)])
    try program(["predict"] + checkpoint + ["--output", "./a/../\(name)/deep", space.picture("val", 1)])
    try program(["export"] + checkpoint + ["--output", "w.safetensors"])
    try program(["inspect"] + checkpoint + ["--json", "model.json"])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: place).sorted() == ["a", name, "model.json", "w.safetensors"])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(place)/\(name)").sorted()
        == ["000001.png", "deep", "images.json", "results.json"])
    #expect(!FileManager.default.fileExists(atPath: "/\(name)"))
  }
}

import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: the documented layout and exit code, and what the file system then holds.
@Suite struct RunDirectoryTests {
  @Test("paths follow the documented layout")
  func layout() throws {
    let run = RunDirectory(path: "/runs/a")
    #expect(run.configurationFile == "/runs/a/config.yaml")
    #expect(run.metricsFile == "/runs/a/metrics.jsonl")
    #expect(run.logFile == "/runs/a/log.txt")
    #expect(run.checkpoints == "/runs/a/checkpoints")
    #expect(run.evaluation(step: 42).resultsFile == "/runs/a/evaluations/step-00000042/coco_instances_results.json")
    #expect(run.evaluation(step: 123_456_789).metricsFile == "/runs/a/evaluations/step-123456789/metrics.json")
    let working = FileManager.default.currentDirectoryPath
    var configuration = Configuration()
    for name in ["smoke", "two words", "-x", "...", "größe", "a*?[b]"] {
      configuration.name = name
      let run = try RunDirectory(output: nil, configuration: configuration)
      #expect(run.path == "\(working)/runs/\(name)")
    }
    let stated = try RunDirectory(output: "../b", configuration: configuration)
    #expect(stated.path == RunDirectory(path: "\(working)/../b").path)
  }

  @Test(
    "a name that is no folder's is code 78 where it is to be one, and no matter beside --output",
    arguments: [
      "..", ".", "../x", "a/b", "/etc", "a\u{0}b", "a\nb", "\u{1b}[2J", "\u{202e}b", String(repeating: "n", count: 256),
    ])
  func names(name: String) throws {
    var configuration = Configuration()
    configuration.name = name
    do {
      _ = try RunDirectory(output: nil, configuration: configuration)
      Issue.record("\(name.debugDescription) was taken")
    } catch {
      #expect(error.exitCode == .badConfiguration)
      #expect(error.description.contains("name: expected the name of a folder below runs/"))
    }
    let stated = try RunDirectory(output: "b", configuration: configuration)
    #expect(stated.path.hasSuffix("/b"))
  }

  @Test("creating makes parents, is repeatable and leaves nothing else behind")
  func creation() throws {
    let folder = try TemporaryDirectory()
    let run = RunDirectory(path: folder.file("x/y/z"))
    try run.create()
    try run.create()
    #expect(try FileManager.default.contentsOfDirectory(atPath: run.path).isEmpty)
    try run.evaluation(step: 1).create()
    #expect(FileManager.default.fileExists(atPath: run.evaluation(step: 1).path))
  }

  @Test("a place that cannot be written is named, with code 73", arguments: ["file/run", "file", "/proc/run"])
  func unwritable(place: String) throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "file")
    let path = place.hasPrefix("/") ? place : folder.file(place)
    do {
      try RunDirectory(path: path).create()
      Issue.record("the directory was created")
    } catch let error as InputError {
      #expect(error.exitCode == .cannotWrite)
      #expect(error.description.hasPrefix("\(path): cannot create the directory: "))
      #expect(error.description.hasSuffix("; give a directory that can be written with --output DIR"))
    }
  }

  @Test("a directory that exists but takes no files is refused, with code 73")
  func readOnly() throws {
    // /proc/self exists for everybody and takes no files from anybody, root included, like a read-only mount.
    do {
      try RunDirectory(path: "/proc/self").create()
      Issue.record("the directory was accepted")
    } catch let error as InputError {
      #expect(error.exitCode == .cannotWrite)
      #expect(error.description.hasPrefix("/proc/self: cannot write to the run directory: "))
    }
  }

  @Test(
    "a full disk is an error with code 73, and the record that had no room is taken back",
    .enabled(if: MountedFolder.isAllowed, Comment(rawValue: MountedFolder.reason)))
  func fullDisk() throws {
    let disk = try MountedFolder(mebibytes: 1)
    let path = "\(disk.path)/file"
    let file = try AppendingFile(path: path)
    let record = [UInt8](repeating: 1, count: 700_000)
    try file.append(record)
    let error = thrown(InputError.self) { try file.append(record) }
    #expect(error?.exitCode == .cannotWrite)
    #expect(error?.description.hasPrefix("\(path): cannot write: No space left on device") == true)
    #expect(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == record.count)
  }

  @Test(
    "a file that grows is no link, and nothing but a file", arguments: ["a symbolic link", "a FIFO", "a directory"])
  func notAFile(kind: String) throws {
    let folder = try TemporaryDirectory()
    let (path, victim) = (folder.file("log.txt"), try folder.write("mine", to: "victim"))
    switch kind {
    case "a FIFO": #expect(mkfifo(path, 0o600) == 0)
    case "a directory": #expect(mkdir(path, 0o700) == 0)
    default: #expect(symlink(victim, path) == 0)
    }
    let error = thrown(InputError.self) { try AppendingFile(path: path) }
    #expect(error?.exitCode == .cannotWrite)
    // The system itself refuses to open a directory for writing.
    let reason = kind == "a directory" ? "Is a directory" : "it is \(kind), expected a regular file or none"
    #expect(error?.description.contains("\(path): cannot ") == true && error?.description.contains(reason) == true)
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
  }

  @Test("a file that was moved, removed or replaced while it grows is error 73; nothing goes where it went")
  func movedAway() throws {
    let folder = try TemporaryDirectory()
    let (path, moved) = (folder.file("metrics.jsonl"), folder.file("moved"))
    let file = try AppendingFile(path: path)
    try file.append(line: "one")
    #expect(rename(path, moved) == 0)
    for replaces in [false, true] {
      if replaces { try folder.write("other\n", to: "metrics.jsonl") }
      let error = thrown(InputError.self) { try file.append(line: "two") }
      #expect(error?.exitCode == .cannotWrite)
      #expect(error?.description.contains("it was moved or removed while the run was writing to it") == true)
    }
    #expect(try String(contentsOfFile: moved, encoding: .utf8) == "one\n")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "other\n")
    #expect(rename(moved, path) == 0)
    try file.append(line: "three")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "one\nthree\n")
  }

  @Test("parents are made at the start only: an evaluation makes no run directory in place of one that is gone")
  func vanished() throws {
    let folder = try TemporaryDirectory()
    let run = RunDirectory(path: folder.file("run"))
    try run.create()
    try FileManager.default.removeItem(atPath: run.path)
    let error = thrown(InputError.self) { try run.evaluation(step: 1).create() }
    #expect(error?.exitCode == .cannotWrite)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test("the configuration is written whole, replaced whole and read back")
  func configuration() throws {
    let folder = try TemporaryDirectory()
    let run = RunDirectory(path: folder.path)
    #expect(try run.configuration() == nil)
    for depth in [18, 34] {
      let configuration = try Configuration(text: "model: {depth: \(depth)}", name: "a")
      try run.write(configuration)
      #expect(try run.configuration() == configuration)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: run.path) == ["config.yaml"])
  }
}

import Foundation
import TestSupport
import Testing

/// A tiny data set in COCO's layout and a finished run of two steps on it, made once by the program itself.
struct TrainedRun {
  /// The configuration; `data.root` is given with `--set`.
  let configuration: String
  /// The root of the data set: 8 training and 4 validation pictures of 64 pixels with five categories.
  let data: String
  /// The run directory, with checkpoint sets of steps 1 and 2.
  let run: String
  /// What the program finds in its environment: a cache of its own.
  let environment: [String: String]

  private static let directory = Result { try TemporaryDirectory("trained") }

  /// The one of this process; its files go away with the process.
  static let shared = Result {
    let folder = try directory.get()
    atexit { try? FileManager.default.removeItem(atPath: (try? TrainedRun.directory.get().path) ?? "/nowhere") }
    return try TrainedRun(in: folder)
  }

  private init(in folder: TemporaryDirectory) throws {
    // After a rank's failure mpirun waits twice this many seconds, whether other ranks are left or not.
    // An empty data root counts as none, whatever the shell of the tests has.
    environment = [
      "DROPBLOCK_CACHE": folder.file("cache"), "DROPBLOCK_DATA": "", "OMPI_MCA_odls_base_sigkill_timeout": "0",
    ]
    let text = """
      data:
        shapes: {size: 64, train_images: 8, val_images: 4}
      input:
        size: 64
        evaluation: {size: 64}
      model: {form: paper, depth: 18, classes: 5}
      batch: {per_rank: 1}
      learning_rate: {warmup: 0 steps, schedule: cosine}
      planner: {algorithms: direct}
      train: {length: 2 steps, checkpoint_every: 1 step, evaluate_every: null, log_every: 1}

      """
    configuration = try folder.write(text, to: "tiny.yaml")
    let drawn = try runProgram(
      ["--config", configuration, "--set", "data.kind=shapes", "--dry-run", "--output", folder.file("dry")],
      environment: environment)
    try #require(drawn.exitCode == 0, "\(drawn)")
    let cache = folder.file("cache")
    let name = try #require(
      FileManager.default.contentsOfDirectory(atPath: cache).first { $0.hasPrefix("shapes-") })
    data = "\(cache)/\(name)"
    run = folder.file("run")
    let trained = try runProgram(
      ["--config", configuration, "--set", "data.root=\(data)", "--output", run], environment: environment)
    try #require(trained.exitCode == 0, "\(trained)")
  }
}

/// Copies of the data set and the run that a test may break.
struct Workspace {
  let trained: TrainedRun
  /// The folder of everything below.
  let folder: TemporaryDirectory
  /// A copy of the data set.
  let data: String

  init() throws {
    trained = try TrainedRun.shared.get()
    folder = try TemporaryDirectory("workspace")
    data = folder.file("data")
    try FileManager.default.copyItem(atPath: trained.data, toPath: data)
  }

  /// An annotation file of the copy.
  func annotations(_ split: String) -> String { "\(data)/annotations/instances_\(split)2017.json" }
  /// A picture of the copy, from 1.
  func picture(_ split: String, _ number: Int) -> String { "\(data)/\(split)2017/00000\(number).jpg" }

  /// Replaces the first occurrence of a text in a file, which must be there.
  func replace(_ old: String, _ new: String, in path: String) throws {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let range = try #require(text.range(of: old), "\(path) lacks \(old)")
    try text.replacingCharacters(in: range, with: new).write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// Replaces every occurrence of a text in a file.
  func replaceAll(_ old: String, _ new: String, in path: String) throws {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try text.replacingOccurrences(of: old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// Cuts a file to half its length.
  func truncate(_ path: String) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  /// Leaves nothing of a file but its name.
  func empty(_ path: String) throws { try Data().write(to: URL(fileURLWithPath: path), options: .atomic) }

  /// Flips a bit in the middle of a file.
  func damage(_ path: String) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  /// Removes a file or folder.
  func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

  /// A copy of the trained run; its files share the disk with the original until they are replaced.
  func copyOfRun() throws -> String {
    let copy = folder.file("run")
    let result = try run(["cp", "-al", trained.run, copy])
    try #require(result.exitCode == 0, "\(result)")
    return copy
  }

  /// Arguments that train on the copy of the data set.
  func train(_ more: String...) -> [String] {
    ["--config", trained.configuration, "--set", "data.root=\(data)", "--output", folder.file("run")] + more
  }

  /// Arguments that evaluate the trained run on the copy of the data set.
  func evaluate(_ more: String...) -> [String] {
    ["evaluate", "--checkpoint", trained.run, "--set", "data.root=\(data)"] + more
  }

  /// Runs the program alone, or under mpirun with several ranks.
  func program(ranks: Int, _ arguments: [String], environment: [String: String] = [:]) throws -> CommandResult {
    let environment = trained.environment.merging(environment) { $1 }
    if ranks > 1 { return try runProgram(ranks: ranks, arguments, environment: environment) }
    return try runProgram(arguments, environment: environment)
  }
}

extension CommandResult {
  /// The lines of standard error that start like this.
  func errorLines(_ start: String) -> [Substring] {
    errorOutput.split(separator: "\n").filter { $0.hasPrefix(start) }
  }

  /// Checks that the program ended in time with this code and one message that has these words.
  func expectError(_ code: Int32, _ words: [String]) {
    #expect(!timedOut, "\(self)")
    #expect(exitCode == code, "\(self)")
    #expect(errorLines("error: ").count == 1, "\(self)")
    for trace in ["Fatal error", "rash", "Backtrac", "internal error", "Thread 0"] {
      #expect(!errorOutput.contains(trace), "\(self)")
    }
    // The message starts at its line and may go on; mpirun's banner follows.
    let message = errorOutput.split(separator: "\n").drop { !$0.hasPrefix("error: ") }.prefix { !$0.hasPrefix("----") }
      .joined(separator: "\n")
    for word in words { #expect(message.contains(word), "no \"\(word)\" in: \(self)") }
  }
}

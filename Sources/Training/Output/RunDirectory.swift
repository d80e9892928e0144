import Foundation
import Tensors

/// The layout of a run's directory.
///
/// Every rank knows the paths; rank 0 alone creates and writes.
public struct RunDirectory: Equatable, Sendable {
  /// The absolute path of the directory.
  public let path: String

  /// The layout below a path, which need not exist; a relative path starts at the working directory.
  public init(path: String) {
    self.path = ConfigurationPath.absolute(path, in: ".")
  }

  /// The directory of `--output`, or `runs/NAME` without it.
  ///
  /// - Throws: `ConfigurationError.impossible` when that NAME is no name of a folder.
  public init(output: String?, configuration: Configuration) throws(ConfigurationError) {
    let name = configuration.name
    if output == nil, !Self.isFolderName(name) {
      throw configuration.impossible(
        "name",
        "expected the name of a folder below runs/: at most 255 bytes without \"/\" and control characters, not \".\" or "
          + "\"..\"; got \(name); change it, or give the run directory with --output")
    }
    self.init(path: output ?? "runs/\(name)")
  }

  /// Whether a text is the name of one folder, and shows as it is.
  private static func isFolderName(_ name: String) -> Bool {
    ![".", "..", ""].contains(name) && name.utf8.count <= 255 && !name.contains("/") && shown(name) == name
  }

  /// The resolved configuration.
  public var configurationFile: String { "\(path)/config.yaml" }
  /// One JSON object a line: training rows and evaluation rows.
  public var metricsFile: String { "\(path)/metrics.jsonl" }
  /// One JSON object a line: what happened to the run, and when.
  public var historyFile: String { "\(path)/history.jsonl" }
  /// The page that shows the run.
  public var reportFile: String { "\(path)/report.html" }
  /// What `bench --json` found, where somebody has put it here.
  var benchmarkFile: String { "\(path)/bench.json" }
  /// The first training samples on a sheet.
  var samplesFile: String { "\(path)/samples.jpg" }
  /// What the console showed.
  public var logFile: String { "\(path)/log.txt" }
  /// Who writes to the directory.
  var lockFile: String { "\(path)/lock.json" }
  /// Parent of the checkpoint sets.
  public var checkpoints: String { "\(path)/checkpoints" }

  /// The files of the evaluation after a step.
  public func evaluation(step: Int) -> EvaluationDirectory {
    let digits = String(step)
    let padding = String(repeating: "0", count: max(0, 8 - digits.count))
    return EvaluationDirectory(path: "\(path)/evaluations/step-\(padding)\(digits)")
  }

  /// Creates the directory and proves that it can be written.
  ///
  /// - Throws: `InputError` with code 73.
  public func create() throws {
    try Self.createDirectory(path)
    // A directory on a read-only mount exists and looks writable to root; only writing tells.
    do throws(WritingFailure) {
      try requireReplaceable("\(path)/.writable")
    } catch {
      throw InputError.cannotWrite(path, WritingFailure("write to the run directory", error.reason))
    }
  }

  /// Writes the resolved configuration, replacing an earlier one in one step.
  ///
  /// - Throws: `InputError` with code 73.
  public func write(_ configuration: Configuration) throws {
    try Self.replace(
      configurationFile, with: "# Every value of this run; made by dropblock-dist.\n\(configuration.yaml)")
  }

  /// The configuration that an earlier run in this directory wrote; nil when there is none.
  ///
  /// - Throws: `ConfigurationError` when the file is damaged.
  public func configuration() throws -> Configuration? {
    guard FileManager.default.fileExists(atPath: configurationFile) else { return nil }
    return try Configuration(file: configurationFile)
  }

  /// Creates a directory with its parents; one that exists is fine.
  ///
  /// - Throws: `InputError` with code 73.
  static func createDirectory(_ path: String) throws(InputError) {
    var created = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      created += created.isEmpty || created == "/" ? part : "/\(part)"
      if mkdir(created, 0o777) == 0 || errno == EEXIST { continue }
      let code = errno
      var status = stat()
      if stat(created, &status) == 0 { continue }  // A read-only parent that is there.
      throw .cannotWrite(path, "create the directory", code)
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw .cannotWrite(path, "create the directory", ENOTDIR)
    }
  }

  /// Creates a directory in one that must exist; one that exists itself is fine.
  ///
  /// - Throws: `InputError` with code 73.
  static func createEntry(_ path: String) throws(InputError) {
    if mkdir(path, 0o777) != 0 && errno != EEXIST { throw .cannotWrite(path, "create the directory", errno) }
  }

  /// Gives a file new text in one step: readers see the old text or the new one.
  ///
  /// - Throws: `InputError` with code 73.
  static func replace(_ path: String, with text: String) throws(InputError) {
    do throws(WritingFailure) {
      try replaceFile(path, with: Array(text.utf8))
    } catch {
      throw .cannotWrite(path, error)
    }
  }
}

/// The files that an evaluation leaves.
public struct EvaluationDirectory: Equatable, Sendable {
  /// The absolute path of the directory.
  public let path: String

  /// Every detection, as a COCO results file.
  public var resultsFile: String { "\(path)/coco_instances_results.json" }
  /// The figures.
  public var metricsFile: String { "\(path)/metrics.json" }

  /// Creates the directory in that of the run, which must exist.
  ///
  /// - Throws: `InputError` with code 73.
  public func create() throws {
    try RunDirectory.createEntry(ConfigurationPath.directory(of: path))
    try RunDirectory.createEntry(path)
  }
}

import Checkpoints
import Distributed
import Foundation
import Tensors

/// `verify-resume`: kills runs at random moments, resumes them and compares them with one that was left alone.
///
/// This process only watches: the runs are jobs of their own, started as a user would start them, so what is tested is
/// the program as it is used. It never joins MPI.
public struct VerifyResumeRequest: Sendable {
  /// The configuration file; nil for a small built-in run.
  public var config: String?
  /// Replacements of single values, as `--set` takes them.
  public var overrides: [String]
  /// Ranks of the runs; nil takes those that a launcher started here.
  public var ranks: Int?
  /// What starts the ranks, in front of the program; nil for `mpirun`, or nothing for one rank.
  public var launcher: String?
  /// How many runs are killed.
  public var kills: Int
  /// The seed of the moments and victims.
  public var seed: UInt64
  /// Where the runs go; nil for the temporary directory.
  public var scratch: String?
  /// A file for the figures.
  public var json: String?

  /// A request.
  public init(
    config: String?, overrides: [String], ranks: Int?, launcher: String?, kills: Int, seed: UInt64, scratch: String?,
    json: String?
  ) {
    (self.config, self.overrides, self.ranks, self.launcher) = (config, overrides, ranks, launcher)
    (self.kills, self.seed, self.scratch, self.json) = (kills, seed, scratch, json)
  }

  /// The built-in run: the smoke configuration, so short that it takes seconds and still has several epochs and sets.
  static let shortRun = [
    "data.shapes.size=64", "data.shapes.train_images=20", "data.shapes.val_images=6", "input.size=64",
    "input.evaluation.size=64", "batch.per_rank=2", "learning_rate.warmup=6 steps", "train.length=24 steps",
    "train.checkpoint_every=5 steps",
  ]

  /// Runs everything; throws 76 when a resumed run is not the one that was left alone, with the first difference.
  public func run(_ console: Console) throws {
    var settings = config == nil ? Self.shortRun + overrides : overrides
    settings.append("train.log_every=1")
    // Mistakes of the configuration are told before anything starts.
    _ = try Configuration.load(file: config, overrides: settings)
    StopRequest.listen(Launcher(environment: processEnvironment()))
    let place = ConfigurationPath.absolute(scratch ?? NSTemporaryDirectory(), in: ".")
    try RunDirectory.createDirectory(place)
    // A name that nobody could have prepared: logs and runs are written below it.
    let folder = "\(place)/dropblock-verify-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    if mkdir(folder, 0o700) != 0 { throw InputError.cannotWrite(folder, "create the directory", errno) }
    let verification = ResumeVerification(
      launch: SupervisedLaunch(
        config: config, settings: settings, ranks: ranks, launcher: launcher,
        folder: folder), kills: kills, seed: seed, console: console)
    let report = try verification.run()
    if let json { try writeJSON(report, to: json) }
    console.say("\(report.identical) of \(kills) identical")
    if let difference = report.runs.compactMap(\.difference).first {
      throw InputError(.diverged, "a resumed run is not the run that was left alone: \(difference); see \(folder)")
    }
    try? FileManager.default.removeItem(atPath: folder)
  }
}

/// The figures of `verify-resume`.
struct ResumeReport: Codable {
  /// One killed run.
  struct Run: Codable {
    /// The kill, from 1.
    var kill: Int
    /// The victim.
    var rank: Int
    /// Where the kill hit, in words.
    var place: String
    /// Steps in the metrics after the kill.
    var steps: Int
    /// The set that was half written; nil when none was.
    var halfWritten: String?
    /// The step of the checkpoint that the run went on from, 0 for none.
    var resumedFrom: Int
    /// The first difference; nil when there is none.
    var difference: String?
  }
  /// Ranks of each run.
  var ranks: Int
  /// The seed of the moments.
  var seed: UInt64
  /// The killed runs.
  var runs: [Run] = []
  /// Those without a difference.
  var identical: Int { runs.count { $0.difference == nil } }
}

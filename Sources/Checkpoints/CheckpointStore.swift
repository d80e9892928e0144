import CLinux
import Foundation
import Synchronization
import Tensors

/// Which sets of a run stay on disk.
public struct CheckpointRetention: Equatable, Sendable {
  /// How many of the newest stay, at least 1; the best one stays besides.
  public let newest: Int

  /// Keeps the newest `newest` sets, and the one with the largest metric (the earlier of equals).
  public init(newest: Int) {
    require(newest >= 1, "a run must keep at least one checkpoint, not \(newest)")
    self.newest = newest
  }
}

/// The directory of a run's sets, once the run has written there: from then on no other one takes its place.
private final class HeldSets: Sendable {
  private let directory = Mutex<HeldDirectory?>(nil)

  /// Takes hold of the directory, once.
  func hold(_ path: String) throws(InputError) {
    if directory.withLock({ $0 != nil }) { return }
    let held = try HeldDirectory(path)
    directory.withLock { $0 = held }
  }

  /// Throws 73 when the directory has been moved or removed.
  func requireInPlace() throws(InputError) { try directory.withLock { $0 }?.requireInPlace() }
}

/// The checkpoint sets of one run: `RUN/checkpoints/step-NNNNNNNN`, and `latest` beside them.
///
/// A set is complete or absent. It is written under a name that starts with `.writing-`, each file flushed and hashed,
/// renamed, and only then `latest`, a relative symbolic link, moves to it in one step. What a crash leaves under such
/// names is removed by the next write. One process of a run may write, one set at a time.
public struct CheckpointStore: Sendable {
  /// The directory of the sets.
  public let directory: String

  /// The directory of the run that writes, which must stay where it is, and that of its sets.
  private let run: HeldDirectory?
  private let sets: HeldSets?

  private static let temporaryPrefix = ".writing-"
  private static let latestName = "latest"

  /// The store of a run directory; nothing is created or read yet.
  public init(runDirectory: String) { self.init(directory: "\(runDirectory)/checkpoints") }

  /// The store of a run that writes to its directory: when that is moved or removed, writing throws 73.
  public init(writingTo run: HeldDirectory) {
    (directory, self.run, sets) = ("\(run.path)/checkpoints", run, HeldSets())
  }

  /// The store of the directory that holds the sets themselves.
  init(directory: String) { (self.directory, run, sets) = (directory, nil, nil) }

  /// The name of the set of a step: `step-` and at least eight digits.
  public static func name(ofStep step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// The step of the set of a name, nil for other names.
  static func step(ofName name: String) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), name == Self.name(ofStep: step) else {
      return nil
    }
    return step
  }

  private func path(_ name: String) -> String { "\(directory)/\(name)" }

  // MARK: Writing

  /// Writes the set of `state.step`, with `metadata` in the header of the model's file, moves `latest` to it and applies the
  /// retention; returns the set's directory.
  ///
  /// A set of that step already there is replaced. Sets of later steps (a run that was taken up again from an earlier
  /// one) are left alone. Throws 73 with the path and the system's words when it cannot write; what was there stays. The
  /// run directory must exist: where a volume is not mounted any more, no new one is made in its place.
  @discardableResult
  public func write(
    _ state: CheckpointState, model: [TensorToWrite], metadata: [String: String] = [:], optimizer: [TensorToWrite],
    keeping retention: CheckpointRetention
  ) throws(InputError) -> String {
    let name = Self.name(ofStep: state.step)
    let temporary = path(Self.temporaryPrefix + name)
    try run?.requireInPlace()
    try sets?.requireInPlace()
    try createOwnDirectory()
    try sets?.hold(directory)
    try removeStaleEntries()
    do {
      try createDirectory(temporary)
      let files = [
        CheckpointSet.modelName: try writeTensors(model, metadata, to: "\(temporary)/\(CheckpointSet.modelName)"),
        CheckpointSet.optimizerName: try writeTensors(
          optimizer, [:], to: "\(temporary)/\(CheckpointSet.optimizerName)"),
      ]
      let stateFile = try OutputFile(creating: "\(temporary)/\(CheckpointSet.stateName)")
      try stateFile.write(contentsOf: StateFile(files: files, state: state).encoded())
      _ = try stateFile.flush()
      try flushDirectory(temporary)
      try run?.requireInPlace()
      try replaceSet(name, by: temporary)
      try flushDirectory(directory)
    } catch {
      // What lies there then is another run's.
      try run?.requireInPlace()
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    try run?.requireInPlace()
    try moveLatest(to: name)
    try retain(retention, upTo: state.step)
    return path(name)
  }

  private func createOwnDirectory() throws(InputError) {
    if FilePath(directory).isDirectory { return }
    try createDirectory(directory)
    try flushDirectory(URL(fileURLWithPath: directory).deletingLastPathComponent().path)
  }

  private func writeTensors(
    _ tensors: [TensorToWrite], _ metadata: [String: String], to path: String
  ) throws(InputError) -> FileDigest {
    // "pt" is what the Python package's own writers for torch put there; some loaders ask for it.
    try writeContents(of: tensors, to: path, metadata: metadata.merging(["format": "pt"]) { $1 })
  }

  /// Renames the finished set.
  ///
  /// A directory that is not empty cannot be renamed over: an old one changes names with it or, where the file system
  /// cannot do that in one step, steps aside first.
  private func replaceSet(_ name: String, by temporary: String) throws(InputError) {
    if shim_exchange_names(temporary, path(name)) == 0 {
      try? FileManager.default.removeItem(atPath: temporary)
      return
    }
    let aside = path("\(Self.temporaryPrefix)replaced-\(name)")
    if FileManager.default.fileExists(atPath: path(name)) { try renameEntry(path(name), to: aside) }
    do {
      try renameEntry(temporary, to: path(name))
    } catch {
      rename(aside, path(name))
      throw error
    }
    try? FileManager.default.removeItem(atPath: aside)
  }

  private func moveLatest(to name: String) throws(InputError) {
    let temporary = path(Self.temporaryPrefix + Self.latestName)
    if symlink(name, temporary) != 0 { throw unwritable(temporary, "create a link", errno: errno) }
    try renameEntry(temporary, to: path(Self.latestName))
    try flushDirectory(directory)
  }

  private func removeStaleEntries() throws(InputError) {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    for entry in entries where entry.hasPrefix(Self.temporaryPrefix) { try remove(path(entry)) }
  }

  /// Removes the sets that the retention does not keep, oldest first.
  private func retain(_ retention: CheckpointRetention, upTo step: Int) throws(InputError) {
    let steps = self.steps.filter { $0 <= step }
    let expendable = steps.dropLast(retention.newest)
    if expendable.isEmpty { return }
    var best: (step: Int, metric: Double)?
    for step in steps {
      let content = try? StateFile(path: path("\(Self.name(ofStep: step))/\(CheckpointSet.stateName)"))
      guard let metric = content?.state.metric, !metric.isNaN else { continue }
      if best.map({ metric > $0.metric }) ?? true { best = (step, metric) }
    }
    for step in expendable where step != best?.step {
      // Under the temporary name a removal that is cut short leaves no half set behind.
      let name = Self.name(ofStep: step)
      let aside = path(Self.temporaryPrefix + "removed-" + name)
      try renameEntry(path(name), to: aside)
      try remove(aside)
    }
  }

  private func remove(_ path: String) throws(InputError) {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw InputError(.cannotWrite, "\(path): cannot remove: \(error.localizedDescription)")
    }
  }

  // MARK: Reading

  /// The steps that have a set, ascending; whether the sets are sound is not looked at.
  public var steps: [Int] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return entries.compactMap(Self.step(ofName:)).sorted()
  }

  /// The step that `latest` names, nil when there is no such link.
  public var latestStep: Int? {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: path(Self.latestName))).flatMap(Self.step(ofName:))
  }

  /// Opens the set that `latest` names, or the newest sound one before it; nil when the run has no set.
  ///
  /// `warn` hears of every set that is passed over. Throws 65 when there are sets and none of them is sound: starting
  /// from nothing is then a decision of the user.
  public func openLatest(warn: (String) -> Void) throws(InputError) -> CheckpointSet? {
    let steps = self.steps
    let latest = latestStep
    if let latest, !steps.contains(latest) {
      warn("\(path(Self.latestName)) names \(Self.name(ofStep: latest)), which is missing; using the one before it")
    }
    if steps.isEmpty { return nil }
    // Sets after `latest` belong to a line that was given up: they come last.
    let limit = latest ?? .max
    let candidates = Array(steps.filter { $0 <= limit }.reversed()) + Array(steps.filter { $0 > limit }.reversed())
    for step in candidates {
      do {
        return try CheckpointSet(directory: path(Self.name(ofStep: step)))
      } catch {
        warn("skipping the damaged checkpoint \(path(Self.name(ofStep: step))): \(error)")
      }
    }
    throw InputError(
      .badData,
      "\(directory): none of the \(steps.count) checkpoint sets can be used; repair one, or start in another directory")
  }
}

import Foundation
import Tensors

/// One complete checkpoint, opened and verified.
public struct CheckpointSet: Sendable {
  /// The directory of the set.
  public let directory: String
  /// Where the run stood.
  public let state: CheckpointState
  /// The parameters and running statistics, by torchvision's names where torchvision has the model.
  public let model: SafetensorsFile
  /// The state of the optimizer.
  public let optimizer: SafetensorsFile

  static let modelName = "model.safetensors"
  static let optimizerName = "optimizer.safetensors"
  static let stateName = "state.json"

  /// Opens a set and reads all of it once to compare lengths and hashes with those recorded when it was written.
  ///
  /// Throws 65, naming the file, when the set is incomplete or damaged.
  public init(directory: String) throws(InputError) {
    self.directory = directory
    let content = try Self.present(directory, Self.stateName) { path throws(InputError) in
      try StateFile(path: path)
    }
    state = content.state
    if let named = CheckpointStore.step(ofName: URL(fileURLWithPath: directory).lastPathComponent), named != state.step
    {
      throw damaged(
        "\(directory)/\(Self.stateName)", "step", expected: "\(named), as the set is named", got: "\(state.step)")
    }
    for name in [Self.modelName, Self.optimizerName] {
      guard let recorded = content.files[name] else {
        throw damaged("\(directory)/\(Self.stateName)", "files", expected: "a line for \(name)", got: "none")
      }
      try Self.present(directory, name) { path throws(InputError) in try Self.verify(path, recorded) }
    }
    model = try SafetensorsFile(path: "\(directory)/\(Self.modelName)")
    optimizer = try SafetensorsFile(path: "\(directory)/\(Self.optimizerName)")
  }

  /// Opens a file that a set must have: that it is missing is damage, not a wrong path.
  private static func present<Result>(
    _ directory: String, _ name: String, _ open: (String) throws(InputError) -> Result
  ) throws(InputError) -> Result {
    do {
      return try open("\(directory)/\(name)")
    } catch {
      if error.exitCode != .missingFile { throw error }
      throw damaged(directory, "checkpoint set", expected: "a readable \(name)", got: error.description)
    }
  }

  private static func verify(_ path: String, _ recorded: FileDigest) throws(InputError) {
    let content = try mappedBytes(of: path)
    guard content.count == recorded.bytes else {
      throw damaged(path, "length", expected: "\(recorded.bytes) bytes", got: "\(content.count)")
    }
    let hash = content.withUnsafeBytes { XXHash64.text(of: $0) }
    guard hash == recorded.xxh64 else { throw damaged(path, "xxh64", expected: recorded.xxh64, got: hash) }
  }
}

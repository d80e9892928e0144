import Foundation
import Tensors

/// What the user meant by the path of a checkpoint.
public enum CheckpointReference: Sendable {
  /// A whole set: weights, optimizer and the state with its configuration.
  case set(CheckpointSet)
  /// Weights alone: the configuration must come from elsewhere.
  case weights(SafetensorsFile)

  /// The file of weights either way.
  public var model: SafetensorsFile {
    switch self {
    case .set(let set): set.model
    case .weights(let file): file
    }
  }

  /// Opens the run directory, checkpoint set or `.safetensors` file at `path`.
  ///
  /// Of a run directory (or its `checkpoints`) it is the latest sound set; `warn` hears of damaged ones on the way. A
  /// set or file named itself must be sound. Throws 66 when there is nothing at the path or nothing in the run, and 65
  /// when it is damaged or of another kind.
  public static func resolve(_ path: String, warn: (String) -> Void) throws(InputError) -> CheckpointReference {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw unreadable(path, errno: ENOENT)
    }
    let wanted = "a run directory, a checkpoint set or a .safetensors file"
    if !isDirectory.boolValue {
      if path.hasSuffix(".safetensors") { return .weights(try SafetensorsFile(path: path)) }
      throw unfit(path, "checkpoint", expected: wanted, got: "another file (convert it with the safetensors package)")
    }
    let here = CheckpointStore(directory: path)
    let below = CheckpointStore(runDirectory: path)
    for store in [below, here] where !store.steps.isEmpty {
      if let set = try store.openLatest(warn: warn) { return .set(set) }
    }
    let parts = [CheckpointSet.stateName, CheckpointSet.modelName, CheckpointSet.optimizerName]
    let isSet = parts.contains { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
    if isSet || URL(fileURLWithPath: path).lastPathComponent.hasPrefix("step-") {
      return .set(try CheckpointSet(directory: path))
    }
    throw InputError(
      .missingFile,
      "\(path): checkpoint: expected \(wanted), got a directory without checkpoints; "
        + "name one that a run has saved its state in")
  }
}

import Foundation
import Tensors

/// A checkpoint and what a table of several of them calls it.
public struct NamedCheckpoint: Equatable, Sendable {
  /// What to call it: text without commas, quotation marks and control characters, so that any table can hold it.
  public let name: String
  /// A run directory, a checkpoint set or a `.safetensors` file.
  public let path: String

  /// The checkpoint of an argument: `NAME=PATH`, or a path, whose last part is the name then.
  ///
  /// What is there as a whole is a path, with whatever signs. Throws exit code 64 where the path is empty or there is no name
  /// that a table can hold.
  public init(_ argument: String) throws {
    if let sign = argument.firstIndex(of: "="), !FilePath(argument).exists {
      (name, path) = (String(argument[..<sign]), String(argument[argument.index(after: sign)...]))
    } else {
      path = argument
      let last = URL(fileURLWithPath: argument).standardizedFileURL.lastPathComponent
      name = last.hasSuffix(".safetensors") ? String(last.dropLast(".safetensors".count)) : last
    }
    if path.isEmpty { throw InputError(.usage, "--checkpoint \(argument): expected [NAME=]PATH, got no path") }
    if name.isEmpty || name == "/" || shown(name) != name || name.contains(where: { ",\"".contains($0) }) {
      throw InputError(
        .usage,
        "--checkpoint \(argument): expected [NAME=]PATH with a name without commas, quotation marks and control characters, got "
          + (name.isEmpty ? "none" : "\"\(name)\""))
    }
  }

  /// Throws exit code 64 where two checkpoints have one name.
  static func requireDifferentNames(_ checkpoints: [NamedCheckpoint]) throws {
    for (index, checkpoint) in checkpoints.enumerated() {
      if let other = checkpoints[..<index].first(where: { $0.name == checkpoint.name }) {
        throw InputError(
          .usage,
          "--checkpoint \(checkpoint.path): is called \(checkpoint.name), as \(other.path) is; give names of their own, as in "
            + "--checkpoint NAME=\(checkpoint.path)")
      }
    }
  }
}

import Datasets
import Foundation
import Tensors

/// What a file of `bench --json` says of where a step goes.
struct OperationTimes {
  /// All operations of one kind and pass.
  struct Kind: Equatable {
    let kind: String
    let pass: String
    /// Seconds in a step.
    var seconds: Double
  }

  /// The longest first.
  let kinds: [Kind]
  /// Seconds of a step, the median.
  let stepSeconds: Double

  private struct File: Decodable {
    struct Operation: Decodable {
      let kind: String
      let pass: String
      let seconds: Double
    }
    struct Spread: Decodable {
      let median: Double
    }
    let operations: [Operation]
    let step_seconds: Spread
  }

  /// Reads a file; nil where there is none.
  ///
  /// - Throws: `InputError` with code 65 for a file that no benchmark has written.
  init?(file path: String) throws {
    guard FilePath(path).exists else { return nil }
    var bytes: [UInt8] = []
    try readFile(path, into: &bytes)
    guard let file = try? JSONDecoder().decode(File.self, from: Data(bytes)), file.step_seconds.median > 0 else {
      throw InputError(
        .badData, "\(path): expected the figures of bench --json; write them again, or take the file away")
    }
    stepSeconds = file.step_seconds.median
    kinds = file.operations.reduce(into: [Kind]()) { kinds, operation in
      if let place = kinds.firstIndex(where: { $0.kind == operation.kind && $0.pass == operation.pass }) {
        kinds[place].seconds += operation.seconds
      } else {
        kinds.append(Kind(kind: operation.kind, pass: operation.pass, seconds: operation.seconds))
      }
    }.sorted { $0.seconds > $1.seconds }
  }
}

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
  /// What was timed: model, ranks, threads and batch.
  let subject: String

  /// Seconds of all operations in a step.
  var seconds: Double { kinds.reduce(0) { $0 + $1.seconds } }

  private struct File: Decodable {
    struct Operation: Decodable {
      let kind: String
      let pass: String
      let seconds: Double
    }
    let model: String
    let precision: String
    let ranks: Int
    let threads_per_rank: Int
    let batch_per_rank: Int
    let operations: [Operation]
  }

  /// Reads a file; nil where there is none.
  ///
  /// - Throws: `InputError` with code 65 for a file that no benchmark has written.
  init?(file path: String) throws {
    guard FilePath(path).exists else { return nil }
    var bytes: [UInt8] = []
    try readFile(path, into: &bytes)
    guard let file = try? JSONDecoder().decode(File.self, from: Data(bytes)) else {
      throw InputError(
        .badData, "\(path): expected the figures of bench --json; write them again, or take the file away")
    }
    subject =
      "\(file.model), \(file.ranks) x \(file.threads_per_rank) threads, \(file.batch_per_rank) images a rank, \(file.precision)"
    kinds = file.operations.reduce(into: [Kind]()) { kinds, operation in
      if let place = kinds.firstIndex(where: { $0.kind == operation.kind && $0.pass == operation.pass }) {
        kinds[place].seconds += operation.seconds
      } else {
        kinds.append(Kind(kind: operation.kind, pass: operation.pass, seconds: operation.seconds))
      }
    }.sorted { ($1.seconds, $0.kind, $0.pass) < ($0.seconds, $1.kind, $1.pass) }
  }
}

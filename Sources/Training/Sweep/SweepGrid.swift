import Foundation
import Tensors

/// The keep probabilities and block sizes of a sweep: every pair of them.
public struct SweepGrid: Equatable, Sendable {
  /// The keep probabilities, in the order in which they are tried.
  let keepProbabilities: [Double]
  /// The block sizes.
  let blockSizes: [Int]

  /// Reads the values of `--keep-prob` and `--block-size`, with commas between them; throws 64 for anything else.
  public init(keepProbabilities: String, blockSizes: String) throws(InputError) {
    self.keepProbabilities = try Self.list(
      keepProbabilities, "--keep-prob", DropBlockOption.keepProbabilities, DropBlockOption.keepProbability)
    self.blockSizes = try Self.list(
      blockSizes, "--block-size", DropBlockOption.blockSizes, DropBlockOption.blockSize)
  }

  private static func list<Value: Hashable>(
    _ text: String, _ option: String, _ expected: String, _ read: (String) -> Value?
  ) throws(InputError) -> [Value] {
    var values: [Value] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      guard let value = read(part), !values.contains(value) else {
        throw InputError(
          .usage,
          "\(option) \(text): expected a list with commas, each value \(expected) and there once; got \"\(part)\"")
      }
      values.append(value)
    }
    return values
  }

  /// The evaluations that fill a table: those of which `isThere` says no.
  func points(besides isThere: (_ blockSize: Int, _ keepProbability: Double) -> Bool) -> [SweepPoint] {
    keepProbabilities.flatMap { keepProbability in
      let missing = blockSizes.filter { !isThere($0, keepProbability) }
      // Where everything is kept there is no block.
      if keepProbability == 1 {
        return missing.isEmpty ? [] : [SweepPoint(keepProbability: keepProbability, blockSizes: missing)]
      }
      return missing.map { SweepPoint(keepProbability: keepProbability, blockSizes: [$0]) }
    }
  }
}

/// One evaluation of a sweep.
struct SweepPoint: Codable, Equatable, Sendable {
  let keepProbability: Double
  /// The block sizes that its figures are those of: several where everything is kept.
  let blockSizes: [Int]

  /// The settings in words.
  var text: String {
    keepProbability == 1 ? "keep 1" : "block \(blockSizes[0]), keep \(keepProbability)"
  }
}

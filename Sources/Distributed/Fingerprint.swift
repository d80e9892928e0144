import Tensors

/// One value that differs between a rank and rank 0.
public struct FingerprintDifference: Sendable, Equatable, CustomStringConvertible {
  /// The rank that differs from rank 0.
  public let rank: Int
  /// That rank's host.
  public let host: String
  /// Which value differs.
  public let name: String
  /// Rank 0's value, empty when it has none of that name.
  public let expected: String
  /// The differing rank's value, empty when it has none of that name.
  public let found: String

  /// One line: the rank, the name and both values.
  public var description: String {
    "rank \(rank) on \(host) differs from rank 0 in \(name): expected \"\(expected)\", got \"\(found)\""
  }
}

extension Communicator {
  /// Compares named values of all ranks (CPU model, library versions, hashes) with those of rank 0.
  ///
  /// The answer is the same on every rank, ordered by rank and then by rank 0's order of names; empty when all agree.
  public func fingerprintDifferences(
    _ entries: [(name: String, value: String)]
  ) throws(RankError) -> [FingerprintDifference] {
    let mine = [host] + entries.flatMap { [$0.name, $0.value] }
    let separator: Character = "\0"
    let everyone = try allgather(mine.joined(separator: String(separator))).map {
      $0.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
    let reference = pairs(everyone[0])
    return everyone.indices.dropFirst().flatMap { other -> [FingerprintDifference] in
      let values = pairs(everyone[other])
      let added = values.filter { pair in !reference.contains { $0.name == pair.name } }
      return (reference + added.map { (name: $0.name, value: "") }).compactMap { expected in
        let found = values.first { $0.name == expected.name }?.value ?? ""
        if found == expected.value { return nil }
        return FingerprintDifference(
          rank: other, host: everyone[other][0], name: expected.name, expected: expected.value, found: found)
      }
    }
  }

  /// Throws, on every rank, when a named value differs between ranks.
  ///
  /// Ranks that compute differently would drift apart without a sign: other CPUs and oneDNN versions choose other memory
  /// layouts and round differently. `remedy` is what to do about it.
  public func requireEqualFingerprints(
    _ entries: [(name: String, value: String)],
    remedy: String = "start all of them on the same kind of CPU, with the same program and libraries"
  ) throws {
    let differences = try fingerprintDifferences(entries)
    if differences.isEmpty { return }
    let shown = differences.prefix(8).map { "  \($0)" }.joined(separator: "\n")
    let rest = differences.count > 8 ? "\n  and \(differences.count - 8) more" : ""
    throw AgreedError(
      rank: differences[0].rank, exitCode: .badConfiguration,
      description: "the ranks are not alike; \(remedy):\n\(shown)\(rest)")
  }
}

/// The named values behind the host name, as they were sent.
private func pairs(_ fields: [String]) -> [(name: String, value: String)] {
  stride(from: 1, to: fields.count - 1, by: 2).map { (name: fields[$0], value: fields[$0 + 1]) }
}

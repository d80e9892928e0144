import Foundation
import Tensors

/// The content of `state.json`: the state, and what the other files of the set must be.
///
/// The file's first line after the brace is the XXH64 of everything below that line, so that a flipped bit in a figure
/// is noticed too:
///
///     {
///       "xxh64" : "0123456789abcdef",
///       "files" : { "model.safetensors" : { "bytes" : 136, "xxh64" : "..." }, ... },
///       "state" : { ... }
///     }
struct StateFile: Codable, Equatable {
  /// Length and hash of every other file of the set, by name.
  let files: [String: FileDigest]
  let state: CheckpointState

  private static func firstLines(hash: String) -> String { "{\n  \"xxh64\" : \"\(hash)\",\n" }

  /// The bytes of the file; equal values give equal bytes.
  func encoded() -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = Self.nonFinite
    guard let json = try? encoder.encode(self), json.starts(with: Array("{\n".utf8)) else {
      fatalError("a checkpoint state that JSON cannot hold: \(state)")
    }
    let rest = Array(json.dropFirst(2)) + [UInt8(ascii: "\n")]
    return Array(Self.firstLines(hash: rest.withUnsafeBytes { XXHash64.text(of: $0) }).utf8) + rest
  }

  /// Reads the file and checks its own hash; throws 66 when it is missing and 65 when it is damaged or of a later format.
  init(path: String) throws(InputError) {
    let bytes = try mappedBytes(of: path)
    let headCount = Self.firstLines(hash: String(repeating: "0", count: 16)).utf8.count
    let hash = bytes.dropFirst(headCount).withUnsafeBytes { XXHash64.text(of: $0) }
    guard bytes.starts(with: Array(Self.firstLines(hash: hash).utf8)) else {
      throw damaged(path, "its xxh64", expected: hash, got: Self.recordedHash(bytes.prefix(headCount)))
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = Self.nonFiniteDecoding
    if let version = try? decoder.decode(Version.self, from: bytes).state.formatVersion,
      version != CheckpointState.currentFormatVersion
    {
      throw unfit(
        path, "formatVersion", expected: "\(CheckpointState.currentFormatVersion)", got: "\(version)",
        remedy: "use the program that wrote it, or take another checkpoint")
    }
    do {
      self = try decoder.decode(StateFile.self, from: bytes)
    } catch {
      throw damaged(path, "content", expected: "files and state", got: "\(error)")
    }
    for (name, number, range) in [
      ("step", state.step, 0...CheckpointState.largestStep), ("epoch", state.epoch, 0...max(0, state.step)),
      ("positionInEpoch", state.positionInEpoch, 0...1 << 53), ("worldSize", state.worldSize, 1...1 << 24),
      ("bestStep", state.bestStep ?? 0, 0...max(0, state.step)),
    ] where !range.contains(number) {
      throw damaged(path, name, expected: "a number from \(range.lowerBound) to \(range.upperBound)", got: "\(number)")
    }
  }

  /// A state on its way to a file.
  init(files: [String: FileDigest], state: CheckpointState) {
    (self.files, self.state) = (files, state)
  }

  /// What the head of a damaged file says, for the message.
  private static func recordedHash(_ head: Data) -> String {
    let text = String(decoding: head, as: UTF8.self)
    let words = text.split(separator: "\"")
    return words.count > 3 && words[1] == "xxh64" ? String(words[3]) : "\(head.count) bytes without it"
  }

  private struct Version: Decodable {
    struct State: Decodable { let formatVersion: Int }
    let state: State
  }

  // A metric may be infinite or not a number without costing the run its checkpoint.
  private static let nonFinite = JSONEncoder.NonConformingFloatEncodingStrategy.convertToString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  private static let nonFiniteDecoding = JSONDecoder.NonConformingFloatDecodingStrategy.convertFromString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
}

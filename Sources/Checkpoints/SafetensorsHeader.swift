import Foundation
import Tensors

/// One tensor of a safetensors file, as its header describes it.
public struct TensorEntry: Sendable, Equatable {
  /// The name, unique in the file.
  public let name: String
  /// The type of the elements.
  public let elementType: ElementType
  /// Extents, outermost first; empty for a scalar.
  public let shape: [Int]
  /// The bytes of the file that hold the elements in row-major order, little-endian.
  public let byteRange: Range<Int>

  /// The product of the shape.
  public var elementCount: Int { byteRange.count / elementType.byteCount }
}

/// What stands in front of the tensors.
struct SafetensorsHeader {
  /// Tensors by ascending place in the file.
  var entries: [TensorEntry] = []
  /// The texts under `__metadata__`.
  var metadata: [String: String] = [:]

  /// The format's own limit; it keeps a damaged length from reading a whole disk.
  static let largestByteCount = 100_000_000

  /// Reads and checks the header of `file`; `path` is for messages.
  ///
  /// As in the reference implementation the tensors must cover the rest of the file exactly: no gap, no overlap, no tail.
  init(of file: Data, path: String) throws(InputError) {
    guard file.count >= 8 else {
      throw damaged(path, "header length", expected: "8 bytes", got: "a file of \(file.count)")
    }
    let length = file.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= Self.largestByteCount, 8 + Int(length) <= file.count else {
      let limit = min(Self.largestByteCount, file.count - 8)
      throw damaged(path, "header length", expected: "at most \(limit) bytes", got: "\(length)")
    }
    let start = 8 + Int(length)
    let json: HeaderJSON
    do {
      json = try HeaderParser.parse([UInt8](file[8..<start]))
    } catch {
      throw damaged(path, "header, byte \(8 + error.offset)", expected: error.expected, got: error.got)
    }
    guard case .object(let members) = json else {
      throw damaged(path, "header", expected: "an object", got: json.kind)
    }
    var names: Set<String> = []
    for (name, value) in members {
      if !names.insert(name).inserted {
        throw damaged(path, "tensor \(quoted(name))", expected: "one entry of that name", got: "two")
      }
      if name == "__metadata__" {
        metadata = try Self.metadata(value, path: path)
      } else {
        entries.append(try Self.entry(name, value, dataStart: start, fileEnd: file.count, path: path))
      }
    }
    entries.sort {
      ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
    }
    try checkCoverage(from: start, to: file.count, path: path)
  }

  private func checkCoverage(from start: Int, to end: Int, path: String) throws(InputError) {
    var reached = start
    for entry in entries {
      if entry.byteRange.lowerBound != reached {
        let relation = entry.byteRange.lowerBound < reached ? "overlapping its neighbour" : "leaving a gap"
        throw damaged(
          path, "tensor \(quoted(entry.name))", expected: "data from byte \(reached)",
          got: "data from byte \(entry.byteRange.lowerBound), \(relation)")
      }
      reached = entry.byteRange.upperBound
    }
    if reached != end {
      throw damaged(path, "length", expected: "\(reached) bytes by the header", got: "\(end)")
    }
  }

  private static func metadata(_ value: HeaderJSON, path: String) throws(InputError) -> [String: String] {
    guard case .object(let members) = value else {
      throw damaged(path, "__metadata__", expected: "an object", got: value.kind)
    }
    var texts: [String: String] = [:]
    for (key, value) in members {
      guard case .string(let text) = value else {
        throw damaged(path, "__metadata__ \(quoted(key))", expected: "a string", got: value.kind)
      }
      texts[key] = text
    }
    return texts
  }

  private static func entry(
    _ name: String, _ value: HeaderJSON, dataStart: Int, fileEnd: Int, path: String
  ) throws(InputError) -> TensorEntry {
    let place = "tensor \(quoted(name))"
    guard case .object(let members) = value else { throw damaged(path, place, expected: "an object", got: value.kind) }
    var fields: [String: HeaderJSON] = [:]
    for (key, value) in members {
      guard ["dtype", "shape", "data_offsets"].contains(key), fields.updateValue(value, forKey: key) == nil else {
        throw damaged(path, place, expected: "dtype, shape and data_offsets once each", got: quoted(key))
      }
    }
    guard let type = fields["dtype"], let extents = fields["shape"], let offsets = fields["data_offsets"] else {
      let got = fields.keys.sorted().joined(separator: ", ")
      throw damaged(path, place, expected: "dtype, shape and data_offsets", got: got.isEmpty ? "nothing" : got)
    }
    guard case .string(let typeName) = type, let elementType = ElementType(rawValue: typeName) else {
      throw unfit(
        path, "\(place), dtype", expected: "one of \(ElementType.allNames)", got: type.kind,
        remedy: "convert the tensor to one of them")
    }
    let shape = try naturalNumbers(extents, "\(place), shape", path: path)
    let bounds = try naturalNumbers(offsets, "\(place), data_offsets", path: path)
    let dataCount = fileEnd - dataStart
    guard bounds.count == 2, bounds[0] <= bounds[1], bounds[1] <= dataCount else {
      throw damaged(
        path, "\(place), data_offsets", expected: "begin and end within \(dataCount) bytes of data", got: "\(bounds)")
    }
    var byteCount = elementType.byteCount
    for extent in shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      if overflow { throw damaged(path, "\(place), shape", expected: "a size below 2^63", got: "\(shape)") }
      byteCount = product
    }
    guard byteCount == bounds[1] - bounds[0] else {
      throw damaged(
        path, place, expected: "\(byteCount) bytes for \(typeName) \(shape)", got: "\(bounds[1] - bounds[0])")
    }
    return TensorEntry(
      name: name, elementType: elementType, shape: shape, byteRange: dataStart + bounds[0]..<dataStart + bounds[1])
  }

  private static func naturalNumbers(_ value: HeaderJSON, _ place: String, path: String) throws(InputError) -> [Int] {
    guard case .array(let elements) = value else { throw damaged(path, place, expected: "an array", got: value.kind) }
    var numbers: [Int] = []
    for element in elements {
      guard case .integer(let number) = element, number >= 0 else {
        throw damaged(path, place, expected: "numbers from 0", got: element.kind)
      }
      numbers.append(number)
    }
    return numbers
  }
}

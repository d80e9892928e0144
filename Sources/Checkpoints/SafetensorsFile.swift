import Foundation
import Tensors

/// A safetensors file, mapped for reading.
///
/// Opening checks the whole header (format of https://github.com/huggingface/safetensors: a little-endian length of 8
/// bytes, a JSON header, one buffer); the tensors are read from disk when they are touched. Errors name the file, the
/// place, what was expected and what was found.
public struct SafetensorsFile: Sendable {
  /// The path it was opened by.
  public let path: String
  /// All tensors, by ascending place in the file.
  public let entries: [TensorEntry]
  /// The texts that the header holds beside the tensors.
  public let metadata: [String: String]

  private let content: Data
  private let indexOfName: [String: Int]

  /// Opens a file.
  ///
  /// Throws 66 when it cannot be opened and 65 when it is damaged or holds an element type this package does not read.
  public init(path: String) throws(InputError) {
    let content = try mappedBytes(of: path)
    let header = try SafetensorsHeader(of: content, path: path)
    self.path = path
    self.content = content
    entries = header.entries
    metadata = header.metadata
    indexOfName = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
  }

  /// The names of all tensors, by ascending place in the file.
  public var names: [String] { entries.map(\.name) }

  /// Bytes of the whole file.
  public var byteCount: Int { content.count }

  /// The tensor of a name, nil when the file has none.
  public func entry(named name: String) -> TensorEntry? {
    indexOfName[name].map { entries[$0] }
  }

  /// Lends the elements of a tensor as they lie in the file: row-major, little-endian, no copy.
  ///
  /// The start may not be aligned for the element type (files of other writers): load unaligned. Throws 65 when there
  /// is no tensor of that name.
  public func withBytes<Result>(
    named name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let range = try existing(name).byteRange
    return try content.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// The elements of a tensor of a floating-point type, converted to `Float` (binary64 is rounded).
  ///
  /// Throws 65 when there is no such tensor or it holds integers.
  public func floats(named name: String) throws(InputError) -> [Float] {
    let entry = try existing(name)
    guard entry.elementType.isFloatingPoint else { throw wrongType(entry, "a floating-point tensor") }
    return [Float](unsafeUninitializedCapacity: entry.elementCount) { buffer, count in
      convert(entry, to: buffer)
      count = entry.elementCount
    }
  }

  /// Writes the elements of a floating-point tensor to `destination`, which must have room for exactly all of them.
  ///
  /// Throws 65 when there is no such tensor, it holds integers, or its count differs.
  public func copyFloats(named name: String, to destination: UnsafeMutableBufferPointer<Float>) throws(InputError) {
    let entry = try existing(name)
    guard entry.elementType.isFloatingPoint else { throw wrongType(entry, "a floating-point tensor") }
    guard entry.elementCount == destination.count else {
      throw unfit(
        path, "tensor \(quoted(name))", expected: "\(destination.count) elements", got: "\(entry.elementCount)")
    }
    convert(entry, to: destination)
  }

  /// The elements of a tensor of an integer type or of booleans (0 and 1).
  ///
  /// Throws 65 when there is no such tensor or it holds floating-point numbers.
  public func integers(named name: String) throws(InputError) -> [Int64] {
    let entry = try existing(name)
    if entry.elementType.isFloatingPoint { throw wrongType(entry, "an integer tensor") }
    let size = entry.elementType.byteCount
    return content.withUnsafeBytes { bytes in
      (0..<entry.elementCount).map { index in
        let place = entry.byteRange.lowerBound + index * size
        return switch size {
        case 8: Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
        case 4: Int64(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Int32.self)))
        default: Int64(bytes[place])
        }
      }
    }
  }

  private func existing(_ name: String) throws(InputError) -> TensorEntry {
    if let entry = entry(named: name) { return entry }
    throw unfit(path, "names", expected: "a tensor \(quoted(name))", got: "\(entries.count) others")
  }

  private func wrongType(_ entry: TensorEntry, _ expected: String) -> InputError {
    unfit(path, "tensor \(quoted(entry.name))", expected: expected, got: entry.elementType.rawValue)
  }

  /// Converts all elements of a floating-point tensor; the machine is little-endian as the file is.
  private func convert(_ entry: TensorEntry, to destination: UnsafeMutableBufferPointer<Float>) {
    content.withUnsafeBytes { bytes in
      let source = UnsafeRawBufferPointer(rebasing: bytes[entry.byteRange])
      switch entry.elementType {
      case .float32: UnsafeMutableRawBufferPointer(destination).copyMemory(from: source)
      case .float16:
        for index in 0..<entry.elementCount {
          destination[index] = Float(source.loadUnaligned(fromByteOffset: 2 * index, as: Float16.self))
        }
      case .bfloat16:
        for index in 0..<entry.elementCount {
          let upper = source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
          destination[index] = Float(bitPattern: UInt32(upper) << 16)
        }
      case .float64:
        for index in 0..<entry.elementCount {
          destination[index] = Float(source.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
        }
      case .int64, .int32, .uint8, .boolean: fatalError("\(entry.elementType) is not a floating-point type")
      }
    }
  }
}

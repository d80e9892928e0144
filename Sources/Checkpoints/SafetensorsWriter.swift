import Glibc
import Tensors

/// One tensor on its way to a file: its name, its shape and who supplies the elements.
public struct TensorToWrite: Sendable {
  /// The name in the file.
  public let name: String
  /// Extents, outermost first; empty for a scalar.
  public let shape: [Int]

  enum Content: Sendable {
    case floats(@Sendable (UnsafeMutableBufferPointer<Float>) -> Void)
    case memory(AlignedMemory, firstFloat: Int)
    case integers([Int64])
  }
  let content: Content

  /// A tensor of `Float` whose elements `fill` stores, in row-major order, when their turn comes to be written.
  ///
  /// The buffer holds as many elements as the shape and its content is undefined before. One buffer serves all tensors of
  /// a file, so that writing needs little memory.
  public init(_ name: String, shape: [Int], fill: @escaping @Sendable (UnsafeMutableBufferPointer<Float>) -> Void) {
    (self.name, self.shape, content) = (name, shape, .floats(fill))
  }

  /// A tensor of `Float` whose elements lie in `memory` from element `firstFloat` on, in row-major order.
  ///
  /// The memory stays alive, and must stay as it is, until the tensor is written.
  public init(_ name: String, shape: [Int], in memory: AlignedMemory, firstFloat: Int) {
    (self.name, self.shape, content) = (name, shape, .memory(memory, firstFloat: firstFloat))
    require(
      firstFloat >= 0 && (firstFloat + elementCount) * 4 <= memory.byteCount, "\(name): outside of its memory")
  }

  private init(_ name: String, shape: [Int], content: Content) {
    (self.name, self.shape, self.content) = (name, shape, content)
  }

  /// The same elements under a shape of as many.
  public func reshaped(to shape: [Int]) -> TensorToWrite {
    require(shape.reduce(1, *) == elementCount, "\(name): \(elementCount) elements do not make the shape \(shape)")
    return TensorToWrite(name, shape: shape, content: content)
  }

  /// A tensor of `Float` with its elements in row-major order.
  public init(_ name: String, shape: [Int], _ elements: [Float]) {
    require(
      elements.count == shape.reduce(1, *), "\(name): \(elements.count) elements do not make the shape \(shape)")
    self.init(name, shape: shape) { _ = $0.update(fromContentsOf: elements) }
  }

  /// A tensor of 64-bit integers with its elements in row-major order.
  public init(_ name: String, shape: [Int], integers: [Int64]) {
    require(
      integers.count == shape.reduce(1, *), "\(name): \(integers.count) elements do not make the shape \(shape)")
    (self.name, self.shape, content) = (name, shape, .integers(integers))
  }

  var elementCount: Int { shape.reduce(1, *) }

  var elementType: ElementType {
    switch content {
    case .floats, .memory: .float32
    case .integers: .int64
    }
  }
}

/// Writes a safetensors file: it is there complete, or not at all.
///
/// Integers come first, then the floats, each in the order given, so that every tensor is aligned to its element (the
/// `safetensors` package needs that to lend memory). Equal content gives equal bytes. Throws 73 when it cannot write.
public func writeSafetensors(
  _ tensors: [TensorToWrite], to path: String, metadata: [String: String] = [:]
) throws(InputError) {
  do throws(WritingFailure) {
    try requireReplaceable(path)
  } catch {
    throw unwritable(path, error)
  }
  let temporary = temporaryName(beside: path)
  do {
    _ = try writeContents(of: tensors, to: temporary, metadata: metadata)
    try renameEntry(temporary, to: path)
  } catch {
    unlink(temporary)
    // The user knows the file by its own name.
    throw InputError(error.exitCode, error.description.replacing(temporary, with: path))
  }
}

/// Writes and flushes the file itself, without a temporary name.
func writeContents(
  of tensors: [TensorToWrite], to path: String, metadata: [String: String]
) throws(InputError) -> FileDigest {
  let ordered =
    tensors.filter { $0.elementType == .int64 } + tensors.filter { $0.elementType == .float32 }
  let file = try OutputFile(creating: path)
  try file.write(contentsOf: headerBytes(for: ordered, metadata: metadata))
  let largest = ordered.map { if case .floats = $0.content { $0.elementCount } else { 0 } }.max() ?? 0
  let scratch = UnsafeMutableBufferPointer<Float>.allocate(capacity: largest)
  defer { scratch.deallocate() }
  for tensor in ordered {
    switch tensor.content {
    case .floats(let fill):
      let elements = UnsafeMutableBufferPointer(rebasing: scratch[..<tensor.elementCount])
      fill(elements)
      try file.write(UnsafeRawBufferPointer(elements))
    case .memory(let memory, let first):
      let elements = memory.pointer(to: Float.self, at: 4 * first)
      try file.write(UnsafeRawBufferPointer(UnsafeBufferPointer(start: elements, count: tensor.elementCount)))
    case .integers(let elements): try file.write(contentsOf: elements)
    }
  }
  return try file.flush()
}

/// The length and the JSON header, padded with spaces so that the tensors start at a multiple of 8 bytes.
private func headerBytes(for tensors: [TensorToWrite], metadata: [String: String]) -> [UInt8] {
  var members: [String] = []
  if !metadata.isEmpty {
    let texts = metadata.sorted { $0.key < $1.key }.map { "\(jsonString($0.key)):\(jsonString($0.value))" }
    members.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
  }
  var names: Set<String> = []
  var place = 0
  for tensor in tensors {
    require(
      names.insert(tensor.name).inserted && tensor.name != "__metadata__", "two tensors named \(tensor.name)")
    let end = place + tensor.elementCount * tensor.elementType.byteCount
    let extents = tensor.shape.map(String.init).joined(separator: ",")
    members.append(
      "\(jsonString(tensor.name)):{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(extents)],"
        + "\"data_offsets\":[\(place),\(end)]}")
    place = end
  }
  var json = Array("{\(members.joined(separator: ","))}".utf8)
  json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
  return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
}

/// A text as a JSON string.
private func jsonString(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\0"..<" ":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

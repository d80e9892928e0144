/// The few encodings of protocol buffers that TensorBoard's and ONNX's messages need.
public struct ProtocolBuffer {
  /// The message so far.
  public private(set) var bytes: [UInt8] = []

  /// An empty message.
  public init() {}

  /// Appends an integer field; negative numbers take ten bytes, as the format has it.
  public mutating func integer(_ field: UInt32, _ value: Int64) {
    key(field, wireType: 0)
    variableLength(UInt64(bitPattern: value))
  }

  /// Appends a `double` field.
  public mutating func double(_ field: UInt32, _ value: Double) {
    key(field, wireType: 1)
    fixed(value.bitPattern)
  }

  /// Appends a `float` field.
  public mutating func float(_ field: UInt32, _ value: Float) {
    key(field, wireType: 5)
    fixed(value.bitPattern)
  }

  /// Appends a string field.
  public mutating func string(_ field: UInt32, _ value: String) {
    lengthDelimited(field, Array(value.utf8))
  }

  /// Appends a message field.
  public mutating func message(_ field: UInt32, _ value: ProtocolBuffer) {
    lengthDelimited(field, value.bytes)
  }

  /// Begins a string, bytes or message field of so many bytes, which the caller writes behind this message.
  public mutating func beginning(of field: UInt32, byteCount: Int) {
    key(field, wireType: 2)
    variableLength(UInt64(byteCount))
  }

  private mutating func lengthDelimited(_ field: UInt32, _ content: [UInt8]) {
    beginning(of: field, byteCount: content.count)
    bytes += content
  }

  private mutating func key(_ field: UInt32, wireType: UInt32) {
    variableLength(UInt64(field << 3 | wireType))
  }

  private mutating func variableLength(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func fixed(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
}

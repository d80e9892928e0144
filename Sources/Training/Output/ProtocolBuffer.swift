/// The few encodings of protocol buffers that TensorBoard's messages need.
struct ProtocolBuffer {
  private(set) var bytes: [UInt8] = []

  /// Appends an integer field; negative numbers take ten bytes, as the format has it.
  mutating func integer(_ field: UInt32, _ value: Int64) {
    key(field, wireType: 0)
    variableLength(UInt64(bitPattern: value))
  }

  /// Appends a `double` field.
  mutating func double(_ field: UInt32, _ value: Double) {
    key(field, wireType: 1)
    fixed(value.bitPattern)
  }

  /// Appends a `float` field.
  mutating func float(_ field: UInt32, _ value: Float) {
    key(field, wireType: 5)
    fixed(value.bitPattern)
  }

  /// Appends a string field.
  mutating func string(_ field: UInt32, _ value: String) {
    lengthDelimited(field, Array(value.utf8))
  }

  /// Appends a message field.
  mutating func message(_ field: UInt32, _ value: ProtocolBuffer) {
    lengthDelimited(field, value.bytes)
  }

  private mutating func lengthDelimited(_ field: UInt32, _ content: [UInt8]) {
    key(field, wireType: 2)
    variableLength(UInt64(content.count))
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

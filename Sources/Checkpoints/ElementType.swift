/// The element types of a safetensors file that this package reads.
public enum ElementType: String, Sendable, CaseIterable {
  /// IEEE 754 binary32.
  case float32 = "F32"
  /// IEEE 754 binary16.
  case float16 = "F16"
  /// The upper half of a binary32.
  case bfloat16 = "BF16"
  /// IEEE 754 binary64.
  case float64 = "F64"
  /// Signed 64-bit integers.
  case int64 = "I64"
  /// Signed 32-bit integers.
  case int32 = "I32"
  /// Unsigned bytes.
  case uint8 = "U8"
  /// One byte each, 0 or 1.
  case boolean = "BOOL"

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16: 2
    case .uint8, .boolean: 1
    }
  }

  /// True for the types that `floats(named:)` converts.
  var isFloatingPoint: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    case .int64, .int32, .uint8, .boolean: false
    }
  }

  /// The names of all types, for messages.
  static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

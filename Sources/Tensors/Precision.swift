/// How the numbers of activations, their gradients and the weights that a convolution reads are stored.
///
/// Master weights, momentum, statistics, losses and sums are 32-bit floats in either case.
public enum Precision: String, CaseIterable, Codable, Hashable, Sendable {
  /// 32-bit floating point.
  case f32
  /// bfloat16: the upper half of a 32-bit float.
  case bf16

  /// Bytes of one number.
  public var byteCount: Int {
    switch self {
    case .f32: 4
    case .bf16: 2
    }
  }
}

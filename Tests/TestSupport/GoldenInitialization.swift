import Tensors

/// The values that golden files were computed with: a pure function of a tensor's name, its shape and a seed.
///
/// Golden files hold results, not weights; `Tests/Goldens/README.md` states the rule and its known answers. All
/// arithmetic is in single precision with one rounding an operation, so both sides hold the same bits.
public struct GoldenInitialization: Sendable {
  /// The seed that a golden file's metadata names, the second word of every Philox key.
  public let seed: UInt32

  /// The rule for a seed.
  public init(seed: UInt32) { self.seed = seed }

  /// FNV-1a with 32 bits over the UTF-8 bytes of a name.
  public static func hash(_ name: String) -> UInt32 {
    name.utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  /// Multiples of 2^-23 in [-1, 1): element i is word i mod 4 of the Philox block with counter (i / 4, 0, 0, 0).
  public func uniform(_ name: String, count: Int) -> [Float] {
    let philox = Philox(key: (Self.hash(name), seed))
    var values = [Float]()
    values.reserveCapacity(count + 3)
    for block in 0..<UInt32((count + 3) / 4) {
      let words = philox.block(SIMD4(block, 0, 0, 0))
      for lane in 0..<4 { values.append(Float(Int32(words[lane] >> 8) - 0x80_0000) * 0x1p-23) }
    }
    values.removeLast(values.count - count)
    return values
  }

  /// A parameter or running statistic by its name in torchvision's state dictionary, in canonical (O, I, H, W) order.
  public func parameter(_ name: String, shape: [Int]) -> [Float] {
    let (offset, span) = Self.affine(name, shape: shape)
    return uniform(name, count: shape.reduce(1, *)).map { offset + span * $0 }
  }

  /// The same for a detector that sees noise: predictions are small enough for scores of all sizes and for boxes that overlap
  /// in part.
  public func calmParameter(_ name: String, shape: [Int]) -> [Float] {
    let isPrediction = name.hasSuffix("cls_logits.weight") || name.hasSuffix("bbox_reg.weight")
    return parameter(name, shape: shape).map { isPrediction ? $0 / 32 : $0 }
  }

  /// Images of shape (N, 3, H, W) as the network takes them, uniform in [-2, 2).
  public func image(shape: [Int]) -> [Float] {
    uniform("image", count: shape.reduce(1, *)).map { 2 * $0 }
  }

  /// What a uniform value v becomes: offset + span * v.
  ///
  /// Weights of convolutions have variance 2 / fan-in in the trunk and in the heads, 1 / fan-in in the pyramid and
  /// 1/16 of that in the two predictions. The last batch-norm of a bottleneck is small, so that a deep random network
  /// stays well conditioned.
  public static func affine(_ name: String, shape: [Int]) -> (offset: Float, span: Float) {
    if name.hasSuffix("running_mean") { return (0, 0.1) }
    if name.hasSuffix("running_var") { return (1, 0.5) }
    if name.hasSuffix("bias") { return (name.hasSuffix("cls_logits.bias") ? -2 : 0, 0.1) }
    if name.hasSuffix("bn3.weight") { return (0.25, 0.1) }
    if shape.count == 1 { return (1, 0.25) }
    var variance = 2.0
    if name.hasPrefix("backbone.fpn.") {
      variance = 1
    } else if name.hasSuffix("cls_logits.weight") || name.hasSuffix("bbox_reg.weight") {
      variance = 0.0625
    }
    let fanIn = Double(shape.dropFirst().reduce(1, *))
    return (0, Float((3 * variance / fanIn).squareRoot()))
  }
}

/// Which elements of a tensor a golden file keeps.
public enum GoldenSample {
  /// All indices in order where there are at most `limit`, otherwise k * 104729 mod `count` for k < `limit`.
  public static func indices(count: Int, limit: Int) -> [Int] {
    count <= limit ? Array(0..<count) : (0..<limit).map { $0 * 104_729 % count }
  }
}

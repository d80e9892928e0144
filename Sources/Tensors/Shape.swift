/// The shape of a four-dimensional tensor: N images, C channels, H rows, W columns.
///
/// Weights use the same letters with N output channels and C input channels; a vector is (1, C, 1, 1).
public struct Shape: Hashable, Sendable, CustomStringConvertible {
  /// Images in the batch, or output channels of a weight.
  public var n: Int
  /// Channels, or input channels of a weight.
  public var c: Int
  /// Rows.
  public var h: Int
  /// Columns.
  public var w: Int

  /// A shape of (N, C, H, W), each at least 0.
  public init(_ n: Int, _ c: Int, _ h: Int, _ w: Int) {
    require(n >= 0 && c >= 0 && h >= 0 && w >= 0, "negative extent in shape \(n)x\(c)x\(h)x\(w)")
    (self.n, self.c, self.h, self.w) = (n, c, h, w)
  }

  /// The number of elements without any padding of a blocked layout.
  public var count: Int { n * c * h * w }

  /// The number of positions of one map, H x W.
  public var area: Int { h * w }

  /// The extents joined by "x".
  public var description: String { "\(n)x\(c)x\(h)x\(w)" }
}

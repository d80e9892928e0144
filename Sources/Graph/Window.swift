import Tensors

/// Which positions of a map each result of a convolution or a pool reads, along one of its axes.
///
/// Result r reads the positions r * stride + tap * dilation - before, for the taps 0..<length; those outside of the map are
/// padding: zeros for a convolution, absent for a pool.
public struct WindowAxis: Hashable, Sendable {
  /// Positions that a result reads: its taps.
  public let length: Int
  /// Positions from one result to the next.
  public let stride: Int
  /// Positions from one tap to the next.
  public let dilation: Int
  /// Positions of padding in front of the map.
  public let before: Int
  /// Positions of padding behind the map.
  public let after: Int

  /// An axis with its padding stated.
  public init(_ length: Int, stride: Int = 1, dilation: Int = 1, before: Int = 0, after: Int = 0) {
    require(
      length > 0 && stride > 0 && dilation > 0 && before >= 0 && after >= 0,
      "no window of \(length), stride \(stride), dilation \(dilation), padding \(before) and \(after)")
    (self.length, self.stride, self.dilation, self.before, self.after) = (length, stride, dilation, before, after)
  }

  /// TensorFlow's SAME on a map of `size` positions: `ceil(size / stride)` results, an odd position of padding behind the map.
  public static func same(_ length: Int, stride: Int = 1, dilation: Int = 1, size: Int) -> WindowAxis {
    let results = (size + stride - 1) / stride
    let total = max((results - 1) * stride + dilation * (length - 1) + 1 - size, 0)
    return WindowAxis(length, stride: stride, dilation: dilation, before: total / 2, after: total - total / 2)
  }

  /// Results of a map of `size` positions.
  public func resultCount(size: Int) -> Int {
    (size + before + after - dilation * (length - 1) - 1) / stride + 1
  }

  /// The position that a tap of a result reads.
  @inline(__always)
  func position(ofTap tap: Int, result: Int) -> Int { result &* stride &+ tap &* dilation &- before }

  /// The result that reads a position with a tap; nil where none does.
  func result(readingWith tap: Int, position: Int) -> Int? {
    let scaled = position + before - tap * dilation
    return scaled >= 0 && scaled % stride == 0 ? scaled / stride : nil
  }

  /// The taps of a result that lie within a map of `size` positions.
  func taps(ofResult result: Int, size: Int) -> Range<Int> {
    let first = position(ofTap: 0, result: result)
    let start = first >= 0 ? 0 : min(length, (-first + dilation - 1) / dilation)
    let end = first >= size ? 0 : min(length, (size - first + dilation - 1) / dilation)
    return start..<max(start, end)
  }
}

/// Which pixels of a map each result of a convolution or a pool reads.
public struct Window: Hashable, Sendable {
  /// Along the height.
  public let rows: WindowAxis
  /// Along the width.
  public let columns: WindowAxis

  /// A window of two axes.
  public init(rows: WindowAxis, columns: WindowAxis) { (self.rows, self.columns) = (rows, columns) }

  /// A square window with the same padding on all four sides, as PyTorch pads.
  public static func square(_ size: Int, stride: Int = 1, dilation: Int = 1, padding: Int = 0) -> Window {
    let axis = WindowAxis(size, stride: stride, dilation: dilation, before: padding, after: padding)
    return Window(rows: axis, columns: axis)
  }

  /// A square window padded as TensorFlow's SAME on maps (N, C, H, W).
  public static func same(_ size: Int, stride: Int = 1, dilation: Int = 1, on shape: Shape) -> Window {
    Window(
      rows: .same(size, stride: stride, dilation: dilation, size: shape.h),
      columns: .same(size, stride: stride, dilation: dilation, size: shape.w))
  }

  /// Pixels that a result reads.
  public var area: Int { rows.length * columns.length }

  /// Whether each result reads the pixel at its own place and no other.
  public var isPointwise: Bool { self == .square(1) }

  /// What is made of a map (N, C, H, W): (N, `channels`, H', W').
  public func results(of shape: Shape, channels: Int) -> Shape {
    Shape(shape.n, channels, rows.resultCount(size: shape.h), columns.resultCount(size: shape.w))
  }
}

extension Window: CustomStringConvertible {
  /// The window in a few letters, such as "k3 s1 p1,1,1,1" (padding above, left, below, right).
  public var description: String {
    func pair(_ value: (WindowAxis) -> Int) -> String {
      value(rows) == value(columns) ? "\(value(rows))" : "\(value(rows))x\(value(columns))"
    }
    let isDense = rows.dilation == 1 && columns.dilation == 1
    return "k\(pair(\.length)) s\(pair(\.stride))" + (isDense ? "" : " d\(pair(\.dilation))")
      + " p\(rows.before),\(columns.before),\(rows.after),\(columns.after)"
  }
}

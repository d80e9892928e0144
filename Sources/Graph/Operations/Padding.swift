import Tensors

/// Rows and columns of zeros around a map.
public struct Padding: Hashable, Sendable {
  /// Rows above.
  public let top: Int
  /// Columns to the left.
  public let left: Int
  /// Rows below.
  public let bottom: Int
  /// Columns to the right.
  public let right: Int

  /// The same padding on all four sides, as PyTorch pads.
  public static func symmetric(_ size: Int) -> Padding {
    Padding(top: size, left: size, bottom: size, right: size)
  }

  /// TensorFlow's SAME: `ceil(size / stride)` outputs, the odd row or column of padding after the map.
  public static func same(_ shape: Shape, kernel: Int, stride: Int) -> Padding {
    func total(_ size: Int) -> Int { max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0) }
    let (rows, columns) = (total(shape.h), total(shape.w))
    return Padding(top: rows / 2, left: columns / 2, bottom: rows - rows / 2, right: columns - columns / 2)
  }

  /// The map that a kernel makes of a padded map.
  func output(_ shape: Shape, channels: Int, kernel: Int, stride: Int) -> Shape {
    let height = (shape.h + top + bottom - kernel) / stride + 1
    let width = (shape.w + left + right - kernel) / stride + 1
    return Shape(shape.n, channels, height, width)
  }
}

/// What the elements of an ONNX value are.
public enum ONNXElement: Int, Sendable {
  /// 32-bit floating point.
  case float = 1
  /// 64-bit integers.
  case int64 = 7

  /// Bytes of one element.
  var byteCount: Int {
    switch self {
    case .float: 4
    case .int64: 8
    }
  }
}

/// A constant tensor of an ONNX graph, an "initializer": weights, and the numbers that nodes take as inputs.
struct ONNXTensor {
  /// Who supplies the elements, in row-major order.
  enum Content {
    /// Made when their turn comes to be written, so that a model's weights are never held twice.
    case floats(() -> [Float])
    case integers([Int64])
  }

  /// The value's name in the graph.
  let name: String
  /// Extents, outermost first; empty for a scalar.
  let shape: [Int]
  let content: Content

  var element: ONNXElement {
    switch content {
    case .floats: .float
    case .integers: .int64
    }
  }

  var byteCount: Int { shape.reduce(element.byteCount, *) }
}

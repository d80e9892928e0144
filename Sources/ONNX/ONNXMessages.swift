import Tensors

/// The messages of the standard's `onnx.proto`, with its field numbers.
extension ONNXNode {
  /// NodeProto.
  var message: ProtocolBuffer {
    var message = ProtocolBuffer()
    for input in inputs { message.string(1, input) }
    for output in outputs { message.string(2, output) }
    message.string(3, outputs[0])
    message.string(4, type)
    for attribute in attributes { message.message(5, attribute.message) }
    return message
  }
}

extension ONNXAttribute {
  /// AttributeProto.
  fileprivate var message: ProtocolBuffer {
    var message = ProtocolBuffer()
    message.string(1, name)
    let type: Int64
    switch content {
    case .float(let number):
      message.float(2, number)
      type = 1
    case .integer(let number):
      message.integer(3, Int64(number))
      type = 2
    case .text(let word):
      message.string(4, word)
      type = 3
    case .integers(let numbers):
      for number in numbers { message.integer(8, Int64(number)) }
      type = 7
    }
    message.integer(20, type)
    return message
  }
}

extension ONNXPort {
  /// ValueInfoProto, with TypeProto, TypeProto.Tensor and TensorShapeProto in it.
  var message: ProtocolBuffer {
    var extents = ProtocolBuffer()
    for extent in shape {
      var dimension = ProtocolBuffer()
      switch extent {
      case .fixed(let count): dimension.integer(1, Int64(count))
      case .named(let word): dimension.string(2, word)
      }
      extents.message(1, dimension)
    }
    var tensor = ProtocolBuffer()
    tensor.integer(1, Int64(element.rawValue))
    tensor.message(2, extents)
    var type = ProtocolBuffer()
    type.message(1, tensor)
    var message = ProtocolBuffer()
    message.string(1, name)
    message.message(2, type)
    message.string(3, meaning)
    return message
  }
}

extension ONNXTensor {
  /// TensorProto up to its elements, which follow it as they lie in memory.
  var head: ProtocolBuffer {
    var message = ProtocolBuffer()
    for extent in shape { message.integer(1, Int64(extent)) }
    message.integer(2, Int64(element.rawValue))
    message.string(8, name)
    message.beginning(of: 9, byteCount: byteCount)
    return message
  }
}

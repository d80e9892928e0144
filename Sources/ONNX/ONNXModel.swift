import Tensors

/// An ONNX graph as a file: with who made it, and what a user of it has to know.
///
/// ONNX, the "Open Neural Network Exchange", is a protocol-buffer format that many runtimes execute; https://onnx.ai.
public struct ONNXModel {
  /// The version of the operators that graphs may use: that of ONNX 1.12 (2022).
  static let operatorSet: Int64 = 17
  /// The version of the file format that belongs to it.
  static let formatVersion: Int64 = 8
  /// No protocol buffer may be larger.
  static let byteLimit = Int(Int32.max)

  /// What it computes.
  public let graph: ONNXGraph
  /// The program that made it, and its version.
  public let producer: (name: String, version: String)
  /// Texts for its users, by their names.
  public let metadata: [(key: String, value: String)]

  /// A model of its parts.
  public init(
    _ graph: ONNXGraph, producer: (name: String, version: String), metadata: [(key: String, value: String)]
  ) {
    (self.graph, self.producer, self.metadata) = (graph, producer, metadata)
  }

  /// A part of the file.
  private enum Piece {
    case bytes([UInt8])
    case elements(ONNXTensor)

    var byteCount: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .elements(let tensor): tensor.byteCount
      }
    }

    func write(to descriptor: Int32) throws(WritingFailure) {
      var written = 0
      switch self {
      case .bytes(let bytes): try writeAll(bytes, to: descriptor, written: &written)
      case .elements(let tensor):
        switch tensor.content {
        case .floats(let make):
          let elements = make()
          require(4 * elements.count == tensor.byteCount, "\(tensor.name): \(elements.count) elements")
          try writeAll(elements, to: descriptor, written: &written)
        case .integers(let elements): try writeAll(elements, to: descriptor, written: &written)
        }
      }
    }
  }

  /// Writes the file: it is there complete, or not at all.
  ///
  /// Of the weights one tensor at a time is in memory. Throws 73 where it cannot write, and for a model of more than 2 GiB,
  /// before it makes anything.
  public func write(to path: String) throws(InputError) {
    let pieces = pieces
    let byteCount = pieces.reduce(0) { $0 + $1.byteCount }
    if byteCount > Self.byteLimit {
      throw InputError(
        .cannotWrite,
        "\(path): expected a model of at most \(Self.byteLimit) bytes, which an ONNX file can hold; got \(byteCount) bytes; "
          + "export the weights with --format safetensors instead")
    }
    do throws(WritingFailure) {
      try replaceFile(path) { (descriptor) throws(WritingFailure) in
        for piece in pieces { try piece.write(to: descriptor) }
      }
    } catch {
      throw InputError(
        .cannotWrite, "\(path): cannot \(error.action): \(error.reason); give another place with --output")
    }
  }

  /// ModelProto, whose last field is the graph.
  private var pieces: [Piece] {
    var message = ProtocolBuffer()
    message.integer(1, Self.formatVersion)
    message.string(2, producer.name)
    message.string(3, producer.version)
    var operators = ProtocolBuffer()
    operators.string(1, "")
    operators.integer(2, Self.operatorSet)
    message.message(8, operators)
    for (key, value) in metadata {
      var entry = ProtocolBuffer()
      entry.string(1, key)
      entry.string(2, value)
      message.message(14, entry)
    }
    let pieces = graphPieces
    message.beginning(of: 7, byteCount: pieces.reduce(0) { $0 + $1.byteCount })
    return [.bytes(message.bytes)] + pieces
  }

  /// GraphProto.
  private var graphPieces: [Piece] {
    var message = ProtocolBuffer()
    for node in graph.nodes { message.message(1, node.message) }
    message.string(2, producer.name)
    for input in graph.inputs { message.message(11, input.message) }
    for output in graph.outputs { message.message(12, output.message) }
    var pieces = [Piece.bytes(message.bytes)]
    for tensor in graph.tensors {
      let head = tensor.head.bytes
      var initializer = ProtocolBuffer()
      initializer.beginning(of: 5, byteCount: head.count + tensor.byteCount)
      pieces += [.bytes(initializer.bytes + head), .elements(tensor)]
    }
    return pieces
  }
}

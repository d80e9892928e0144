import Tensors

/// Which batch-norms of a graph become part of the convolution in front of them, where running statistics are constants.
///
/// The convolution's result must have no other reader. The other side of a residual sum must have been read for the last
/// time, for the convolution adds to it where it lies. Nothing of it may have a mask, which rides on the pass of a batch-norm.
struct BatchNormFolding {
  /// By the value between the convolution and its batch-norm.
  private var norms: [Value: BatchNormOperation] = [:]

  /// No folding.
  init() {}

  /// Finds the batch-norms of a graph; `precision` tells what a value is stored as.
  init(_ graph: Graph, precision: (Value) -> Precision) {
    for (position, node) in graph.nodes.enumerated() {
      guard let convolution = node as? ConvolutionOperation, convolution.activation == .none else { continue }
      let following = convolution.outputs.map { between -> BatchNormOperation? in
        let following = graph.readers(of: between)
        guard !graph.outputs.contains(between), following.count == 1,
          let norm = graph.nodes[following[0]] as? BatchNormOperation, norm.input == between, !norm.hasMask
        else { return nil }
        guard let shortcut = norm.shortcut?.value else { return norm }
        let isFree = graph.readers(of: shortcut).allSatisfy { $0 < position || $0 == following[0] }
        let producer = graph.producer(of: shortcut)
        let mayAdd =
          isFree && producer < position && !(graph.nodes[producer] is InputOperation)
          && !graph.outputs.contains(shortcut) && precision(shortcut) == precision(norm.outputValue)
        return mayAdd ? norm : nil
      }
      // All maps of a convolution, or none.
      if following.contains(where: { $0 == nil }) { continue }
      for (between, norm) in zip(convolution.outputs, following) { norms[between] = norm }
    }
  }

  /// The batch-norm that becomes part of the convolution that makes a value.
  func norm(behind value: Value) -> BatchNormOperation? { norms[value] }

  /// Whether a batch-norm is part of a convolution.
  func contains(_ norm: BatchNormOperation) -> Bool { norms[norm.input] != nil }
}

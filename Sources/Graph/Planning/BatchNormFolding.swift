import Tensors

/// Which batch-norms of a graph become part of the convolution in front of them, where running statistics are constants.
///
/// The convolution's result must have no other reader, and nothing of it a mask, which rides on the pass of a batch-norm.
struct BatchNormFolding {
  /// By the value between the convolution and its batch-norm.
  private var norms: [Value: BatchNormOperation] = [:]

  /// No folding.
  init() {}

  /// Finds the batch-norms of a graph.
  init(_ graph: Graph) { self.init(graph) { _, _, _ in true } }

  /// Finds the batch-norms of a graph whose convolution can also add the other side of a residual sum, where there is one;
  /// `precision` tells what a value is stored as.
  ///
  /// That side must have been read for the last time, for the convolution adds to it where it lies.
  init(_ graph: Graph, precision: (Value) -> Precision) {
    self.init(graph) { norm, convolutionPosition, normPosition in
      guard let shortcut = norm.shortcut?.value else { return true }
      let isFree = graph.readers(of: shortcut).allSatisfy { $0 < convolutionPosition || $0 == normPosition }
      let producer = graph.producer(of: shortcut)
      return isFree && producer < convolutionPosition && !(graph.nodes[producer] is InputOperation)
        && !graph.outputs.contains(shortcut) && precision(shortcut) == precision(norm.outputValue)
    }
  }

  /// Finds the batch-norms that `mayFold`, given one with its own position and that of its convolution among the nodes.
  private init(
    _ graph: Graph, mayFold: (_ norm: BatchNormOperation, _ convolutionPosition: Int, _ normPosition: Int) -> Bool
  ) {
    for (position, node) in graph.nodes.enumerated() {
      guard let convolution = node as? ConvolutionOperation, convolution.activation == .none else { continue }
      let following = convolution.outputs.map { between -> BatchNormOperation? in
        let following = graph.readers(of: between)
        guard !graph.outputs.contains(between), following.count == 1,
          let norm = graph.nodes[following[0]] as? BatchNormOperation, norm.input == between, !norm.hasMask,
          mayFold(norm, position, following[0])
        else { return nil }
        return norm
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

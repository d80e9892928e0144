/// What one side of a pair does to a state of a cell.
enum AmoebaStep: Hashable {
  /// Nothing: the skip connection of a cell.
  case none
  /// ReLU, 1x1 convolution, batch-norm.
  case pointwise
  /// ReLU, 1x1 to a quarter of the channels, 3x3, 1x1 back to all of them; a batch-norm behind each, ReLUs between.
  case bottleneck
  /// Twice ReLU, depthwise convolution with a window of this size, 1x1 convolution, batch-norm.
  case separable(Int)
  /// The maximum over windows of this size.
  case maxPool(Int)
  /// The mean over windows of this size.
  case averagePool(Int)
}

/// A cell of AmoebaNet-B (Real, Aggarwal, Huang and Le, 2019) as the official code has it.
///
/// State 0 is what enters and state 1 what entered the cell before, both with the channels of the cell; each pair adds a
/// state, the sum of two steps, and some states side by side are what leaves.
struct AmoebaCell {
  /// A step and the number of the state that it reads.
  typealias Side = (step: AmoebaStep, state: Int)

  /// The sides of states 2 to 6.
  let pairs: [(left: Side, right: Side)]
  /// The states that leave.
  let results: [Int]
  /// The stride of steps that read states 0 and 1.
  let stride: Int

  /// A cell that keeps the size of its map.
  static var normal: AmoebaCell {
    AmoebaCell(
      pairs: [
        ((.pointwise, 1), (.maxPool(3), 1)),
        ((.none, 1), (.separable(3), 0)),
        ((.pointwise, 1), (.separable(3), 0)),
        ((.pointwise, 2), (.none, 2)),
        ((.averagePool(3), 1), (.pointwise, 5)),
      ], results: [0, 3, 4, 6], stride: 1)
  }

  /// A cell that halves it.
  ///
  /// The official code calls its 5x5 convolutions dilated and computes them without gaps.
  static var reduction: AmoebaCell {
    AmoebaCell(
      pairs: [
        ((.maxPool(2), 0), (.maxPool(3), 0)),
        ((.none, 2), (.bottleneck, 1)),
        ((.separable(5), 2), (.maxPool(3), 2)),
        ((.none, 3), (.separable(3), 1)),
        ((.averagePool(3), 4), (.pointwise, 3)),
      ], results: [5, 6], stride: 2)
  }
}

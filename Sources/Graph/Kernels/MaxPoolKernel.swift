import Tensors

/// Maximum over 3 x 3 windows with stride 2, the pooling behind the stem of a ResNet.
///
/// Padding counts as absent, not as zero. It may differ before and after: only what lies before is a parameter here
/// (1 for PyTorch; 0 for TensorFlow's SAME on an even extent), the rest follows from the output's size.
struct MaxPoolKernel {
  let input: BlockedShape
  let output: BlockedShape
  /// Absent rows above the map, and absent columns left of it; 0 or 1.
  let paddingBefore: (rows: Int, columns: Int)

  init(input: BlockedShape, output: BlockedShape, paddingBefore: (rows: Int, columns: Int)) {
    require(
      input.n == output.n && input.c == output.c && input.channelBlock == output.channelBlock,
      "cannot pool \(input) into \(output)")
    require(
      2 * (output.h - 1) - paddingBefore.rows < input.h && 2 * (output.w - 1) - paddingBefore.columns < input.w,
      "the last window of \(output) lies outside \(input)")
    (self.input, self.output, self.paddingBefore) = (input, output, paddingBefore)
  }

  /// Writes each window's maximum and its place in the window, 3 * row + column.
  ///
  /// Of equal values the first in row order wins, and NaN wins over numbers, as in PyTorch. `places` has the size and layout
  /// of y. Places are floats, because narrowing them to bytes makes the compiler take the search's vectors apart (four
  /// times slower).
  func forward(_ x: Elements, _ y: Elements, places: Elements) {
    parallel(output.planes * output.h) { unit in
      switch output.channelBlock {
      case 16: forwardRow(unit, x, y, places, 16, .whole)
      default: forwardRow(unit, x, y, places, 8, .half)
      }
    }
  }

  /// Writes the gradient of x: each window's gradient goes to its maximum.
  func backward(_ dy: Elements, places: Elements, _ dx: Elements) {
    parallel(input.planes * input.h) { unit in
      switch input.channelBlock {
      case 16: backwardRow(unit, dy, places, dx, 16, .whole)
      default: backwardRow(unit, dy, places, dx, 8, .half)
      }
    }
  }

  @inline(__always)
  private func forwardRow(
    _ unit: Int, _ x: Elements, _ y: Elements, _ places: Elements,
    _ channelBlock: Int, _ width: GroupWidth
  ) {
    let (plane, row) = unit.quotientAndRemainder(dividingBy: output.h)
    let x = x + plane * input.planeElements
    let top = 2 * row - paddingBefore.rows
    let windowRows = max(0, -top)..<min(3, input.h - top)
    let isWhole = windowRows == 0..<3
    for column in 0..<output.w {
      let left = 2 * column - paddingBefore.columns
      let windowColumns = max(0, -left)..<min(3, input.w - left)
      let element = (unit &* output.w &+ column) &* channelBlock
      let corner = x + (top &* input.w &+ left) &* channelBlock
      // The two calls differ in that the first one's loops have constant bounds and are unrolled.
      if isWhole && windowColumns == 0..<3 {
        window(corner, 0..<3, 0..<3, y, places, element, channelBlock, width)
      } else {
        window(corner, windowRows, windowColumns, y, places, element, channelBlock, width)
      }
    }
  }

  @inline(__always)
  private func window(
    _ corner: Elements, _ rows: Range<Int>, _ columns: Range<Int>, _ y: Elements,
    _ places: Elements, _ element: Int, _ channelBlock: Int, _ width: GroupWidth
  ) {
    var best = Lanes(repeating: -.infinity)
    var place = Lanes(repeating: Float(3 &* rows.lowerBound &+ columns.lowerBound))
    for row in rows {
      for column in columns {
        let value = corner.lanes((row &* input.w &+ column) &* channelBlock, width)
        let better = (value .> best) .| (value .!= value)
        best.replace(with: value, where: better)
        place.replace(with: Float(3 &* row &+ column), where: better)
      }
    }
    y.store(best, element, width)
    places.store(place, element, width)
  }

  @inline(__always)
  private func backwardRow(
    _ unit: Int, _ dy: Elements, _ places: Elements, _ dx: Elements,
    _ channelBlock: Int, _ width: GroupWidth
  ) {
    let (plane, row) = unit.quotientAndRemainder(dividingBy: input.h)
    let dy = dy + plane * output.planeElements
    let places = places + plane * output.planeElements
    let padded = (row: row + paddingBefore.rows, column: paddingBefore.columns)
    let windowRows = Self.windows(over: padded.row, of: output.h)
    for column in 0..<input.w {
      var sum = Lanes()
      for windowRow in windowRows {
        for windowColumn in Self.windows(over: column &+ padded.column, of: output.w) {
          let element = (windowRow &* output.w &+ windowColumn) &* channelBlock
          let place = 3 &* (padded.row &- 2 &* windowRow) &+ column &+ padded.column &- 2 &* windowColumn
          sum += dy.lanes(element, width).kept(where: places.lanes(element, width) .== Float(place))
        }
      }
      dx.store(sum, (unit &* input.w &+ column) &* channelBlock, width)
    }
  }

  /// The windows that cover a position, counted with the padding before it.
  @inline(__always)
  private static func windows(over position: Int, of count: Int) -> Range<Int> {
    let last = min(count, position / 2 &+ 1)
    return min(last, max(0, (position &- 1) / 2))..<last
  }
}

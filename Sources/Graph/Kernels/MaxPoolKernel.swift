import Tensors

/// Maximum over windows of 3 x 3 (behind the stem of a ResNet) or 2 x 2 pixels, with stride 2.
///
/// Padding counts as absent, not as zero. It may differ before and after: only what lies before is a parameter here
/// (1 for PyTorch; 0 for TensorFlow's SAME on an even extent), the rest follows from the output's size.
struct MaxPoolKernel {
  let input: BlockedShape
  let output: BlockedShape
  /// Rows and columns of a window: 2 or 3.
  let window: Int
  /// Absent rows above the map, and absent columns left of it; 0 or 1.
  let paddingBefore: (rows: Int, columns: Int)

  init(input: BlockedShape, output: BlockedShape, window: Int = 3, paddingBefore: (rows: Int, columns: Int)) {
    require(window == 2 || window == 3, "no kernel for windows of \(window)x\(window)")
    require(
      input.n == output.n && input.c == output.c && input.channelBlock == output.channelBlock,
      "cannot pool \(input) into \(output)")
    require(
      2 * (output.h - 1) - paddingBefore.rows < input.h && 2 * (output.w - 1) - paddingBefore.columns < input.w,
      "the last window of \(output) lies outside \(input)")
    (self.input, self.output, self.window, self.paddingBefore) = (input, output, window, paddingBefore)
  }

  /// Writes each window's maximum and its place in the window, `window` * row + column.
  ///
  /// Of equal values the first in row order wins, and NaN wins over numbers, as in PyTorch. `places` has the size and layout
  /// of y. Places are floats, because narrowing them to bytes makes the compiler take the search's vectors apart (four
  /// times slower).
  func forward(_ x: Elements, _ y: Elements, places: Elements) {
    parallel(output.planes * output.h) { unit in
      switch (output.channelBlock, window) {
      case (16, 3): forwardRow(unit, x, y, places, 3, 16, .whole)
      case (16, _): forwardRow(unit, x, y, places, 2, 16, .whole)
      case (_, 3): forwardRow(unit, x, y, places, 3, 8, .half)
      default: forwardRow(unit, x, y, places, 2, 8, .half)
      }
    }
  }

  /// Writes the gradient of x: each window's gradient goes to its maximum.
  func backward(_ dy: Elements, places: Elements, _ dx: Elements) {
    parallel(input.planes * input.h) { unit in
      switch (input.channelBlock, window) {
      case (16, 3): backwardRow(unit, dy, places, dx, 3, 16, .whole)
      case (16, _): backwardRow(unit, dy, places, dx, 2, 16, .whole)
      case (_, 3): backwardRow(unit, dy, places, dx, 3, 8, .half)
      default: backwardRow(unit, dy, places, dx, 2, 8, .half)
      }
    }
  }

  @inline(__always)
  private func forwardRow(
    _ unit: Int, _ x: Elements, _ y: Elements, _ places: Elements,
    _ size: Int, _ channelBlock: Int, _ width: GroupWidth
  ) {
    let (plane, row) = unit.quotientAndRemainder(dividingBy: output.h)
    let x = x + plane * input.planeElements
    let top = 2 * row - paddingBefore.rows
    let windowRows = max(0, -top)..<min(size, input.h - top)
    let isWhole = windowRows == 0..<size
    for column in 0..<output.w {
      let left = 2 * column - paddingBefore.columns
      let windowColumns = max(0, -left)..<min(size, input.w - left)
      let element = (unit &* output.w &+ column) &* channelBlock
      let corner = x + (top &* input.w &+ left) &* channelBlock
      // The two calls differ in that the first one's loops have constant bounds and are unrolled.
      if isWhole && windowColumns == 0..<size {
        search(corner, 0..<size, 0..<size, size, y, places, element, channelBlock, width)
      } else {
        search(corner, windowRows, windowColumns, size, y, places, element, channelBlock, width)
      }
    }
  }

  @inline(__always)
  private func search(
    _ corner: Elements, _ rows: Range<Int>, _ columns: Range<Int>, _ size: Int, _ y: Elements,
    _ places: Elements, _ element: Int, _ channelBlock: Int, _ width: GroupWidth
  ) {
    var best = Lanes(repeating: -.infinity)
    var place = Lanes(repeating: Float(size &* rows.lowerBound &+ columns.lowerBound))
    for row in rows {
      for column in columns {
        let value = corner.lanes((row &* input.w &+ column) &* channelBlock, width)
        let better = (value .> best) .| (value .!= value)
        best.replace(with: value, where: better)
        place.replace(with: Float(size &* row &+ column), where: better)
      }
    }
    y.store(best, element, width)
    places.store(place, element, width)
  }

  @inline(__always)
  private func backwardRow(
    _ unit: Int, _ dy: Elements, _ places: Elements, _ dx: Elements,
    _ size: Int, _ channelBlock: Int, _ width: GroupWidth
  ) {
    let (plane, row) = unit.quotientAndRemainder(dividingBy: input.h)
    let dy = dy + plane * output.planeElements
    let places = places + plane * output.planeElements
    let padded = (row: row + paddingBefore.rows, column: paddingBefore.columns)
    let windowRows = Self.windows(of: size, over: padded.row, count: output.h)
    for column in 0..<input.w {
      var sum = Lanes()
      for windowRow in windowRows {
        for windowColumn in Self.windows(of: size, over: column &+ padded.column, count: output.w) {
          let element = (windowRow &* output.w &+ windowColumn) &* channelBlock
          let place = size &* (padded.row &- 2 &* windowRow) &+ column &+ padded.column &- 2 &* windowColumn
          sum += dy.lanes(element, width).kept(where: places.lanes(element, width) .== Float(place))
        }
      }
      dx.store(sum, (unit &* input.w &+ column) &* channelBlock, width)
    }
  }

  /// The windows that cover a position, counted with the padding before it.
  @inline(__always)
  private static func windows(of size: Int, over position: Int, count: Int) -> Range<Int> {
    let last = min(count, position / 2 &+ 1)
    return min(last, max(0, (position &- size &+ 2) / 2))..<last
  }
}

import Tensors

/// Maximum over windows; padding counts as absent, not as zero.
struct MaxPoolKernel {
  private let windows: PoolWindows
  /// Rows and columns of a window without gaps, where the search is compiled for them: 2 or 3; 0 for other windows.
  private let unrolledSize: Int

  init(_ window: Window, input: BlockedShape) {
    windows = PoolWindows(window, input: input)
    let (rows, columns) = (window.rows, window.columns)
    let isUnrolled =
      rows.length == columns.length && (2...3).contains(rows.length) && rows.dilation == 1 && columns.dilation == 1
    unrolledSize = isUnrolled ? rows.length : 0
  }

  var output: BlockedShape { windows.output }

  /// Writes each window's maximum and its place in the window, row * columns of a window + column.
  ///
  /// Of equal values the first in row order wins, and NaN wins over numbers, as in PyTorch. `places` has the size and layout
  /// of y. Places are floats, because narrowing them to bytes makes the compiler take the search's vectors apart (four
  /// times slower).
  func forward(_ x: Elements, _ y: Elements, places: Elements) {
    windows.forEachResultRow { row, plane, rows, columns in
      let search = Search(
        windows: windows, row: row, plane: plane, rows: rows.taps[row], columns: columns.taps, x: x, y: y,
        places: places)
      switch (windows.input.channelBlock, unrolledSize) {
      case (16, 3): search.run(unrolled: 3, 16, .whole)
      case (16, 2): search.run(unrolled: 2, 16, .whole)
      case (16, _): search.run(unrolled: 0, 16, .whole)
      case (_, 3): search.run(unrolled: 3, 8, .half)
      case (_, 2): search.run(unrolled: 2, 8, .half)
      default: search.run(unrolled: 0, 8, .half)
      }
    }
  }

  /// Writes the gradient of x: each window's gradient goes to its maximum.
  func backward(_ dy: Elements, places: Elements, _ dx: Elements) {
    windows.forEachInputRow { row, plane, rows, columns in
      let (block, width): (Int, GroupWidth) = windows.input.channelBlock == 16 ? (16, .whole) : (8, .half)
      let start = plane * windows.output.planeElements
      let (dy, places) = (dy + start, places + start)
      let target = dx + (plane * windows.input.h + row) * windows.input.w * block
      let windowLength = windows.columns.window.length
      for column in 0..<windows.input.w {
        var sum = Lanes()
        for rowIndex in rows.starts[row]..<rows.starts[row &+ 1] {
          let down = rows.readers[rowIndex]
          for columnIndex in columns.starts[column]..<columns.starts[column &+ 1] {
            let across = columns.readers[columnIndex]
            let element = (down.result &* windows.output.w &+ across.result) &* block
            let place = Float(down.tap &* windowLength &+ across.tap)
            sum += dy.lanes(element, width).kept(where: places.lanes(element, width) .== place)
          }
        }
        target.store(sum, column &* block, width)
      }
    }
  }
}

/// The search for the maxima of one row of results.
private struct Search {
  let windows: PoolWindows
  let row: Int
  let plane: Int
  /// The taps of the row that lie within the map, and those of each column.
  let rows: Range<Int>
  let columns: UnsafePointer<Range<Int>>
  let x: Elements
  let y: Elements
  let places: Elements

  @inline(__always)
  func run(unrolled size: Int, _ channelBlock: Int, _ width: GroupWidth) {
    let (down, across) = (windows.rows.window, windows.columns.window)
    let x = x + plane * windows.input.planeElements
    let first = (plane &* windows.output.h &+ row) &* windows.output.w
    let top = down.position(ofTap: 0, result: row)
    for column in 0..<windows.output.w {
      let corner = x + (top &* windows.input.w &+ across.position(ofTap: 0, result: column)) &* channelBlock
      let element = (first &+ column) &* channelBlock
      // The two calls differ in that the first one's loops have constant bounds and are unrolled.
      if size > 0 && rows == 0..<size && columns[column] == 0..<size {
        find(corner, 0..<size, 0..<size, size, (1, 1), element, channelBlock, width)
      } else {
        find(
          corner, rows, columns[column], across.length, (down.dilation, across.dilation), element, channelBlock, width)
      }
    }
  }

  @inline(__always)
  private func find(
    _ corner: Elements, _ rows: Range<Int>, _ columns: Range<Int>, _ windowLength: Int,
    _ dilation: (rows: Int, columns: Int), _ element: Int, _ channelBlock: Int, _ width: GroupWidth
  ) {
    var best = Lanes(repeating: -.infinity)
    var place = Lanes(repeating: Float(windowLength &* rows.lowerBound &+ columns.lowerBound))
    for row in rows {
      for column in columns {
        let pixel = row &* dilation.rows &* windows.input.w &+ column &* dilation.columns
        let value = corner.lanes(pixel &* channelBlock, width)
        let better = (value .> best) .| (value .!= value)
        best.replace(with: value, where: better)
        place.replace(with: Float(windowLength &* row &+ column), where: better)
      }
    }
    y.store(best, element, width)
    places.store(place, element, width)
  }
}

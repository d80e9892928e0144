import Tensors

/// The mean over windows of the pixels that lie within the map: padding does not count.
struct AveragePoolKernel {
  private let windows: PoolWindows

  init(_ window: Window, input: BlockedShape) { windows = PoolWindows(window, input: input) }

  var output: BlockedShape { windows.output }

  private var group: (channelBlock: Int, width: GroupWidth) {
    windows.input.channelBlock == 16 ? (16, .whole) : (8, .half)
  }

  /// Writes the means of x to y.
  func forward(_ x: Elements, _ y: Elements) {
    let (block, width) = group
    let (down, across) = (windows.rows.window, windows.columns.window)
    windows.forEachResultRow { row, plane, rows, columns in
      let x = x + plane * windows.input.planeElements
      let target = y + (plane * windows.output.h + row) * windows.output.w * block
      for column in 0..<windows.output.w {
        var sum = Lanes()
        for tap in rows.taps[row] {
          let start = down.position(ofTap: tap, result: row) &* windows.input.w
          for other in columns.taps[column] {
            sum += x.lanes((start &+ across.position(ofTap: other, result: column)) &* block, width)
          }
        }
        target.store(sum * (1 / Float(rows.taps[row].count &* columns.taps[column].count)), column &* block, width)
      }
    }
  }

  /// Writes the gradient of x: the gradient of each mean that has it, in equal shares.
  func backward(_ dy: Elements, _ dx: Elements) {
    let (block, width) = group
    windows.forEachInputRow { row, plane, rows, columns in
      let dy = dy + plane * windows.output.planeElements
      let target = dx + (plane * windows.input.h + row) * windows.input.w * block
      for column in 0..<windows.input.w {
        var sum = Lanes()
        for rowIndex in rows.starts[row]..<rows.starts[row &+ 1] {
          let down = rows.readers[rowIndex].result
          for columnIndex in columns.starts[column]..<columns.starts[column &+ 1] {
            let across = columns.readers[columnIndex].result
            let share = 1 / Float(rows.taps[down].count &* columns.taps[across].count)
            sum += dy.lanes((down &* windows.output.w &+ across) &* block, width) * share
          }
        }
        target.store(sum, column &* block, width)
      }
    }
  }
}

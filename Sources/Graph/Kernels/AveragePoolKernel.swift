import Tensors

/// The mean over 2x2 windows with stride 2; windows at the end of an odd extent are the mean of what they have.
struct AveragePoolKernel {
  let input: BlockedShape

  private var outputHeight: Int { (input.h + 1) / 2 }
  private var outputWidth: Int { (input.w + 1) / 2 }

  /// Writes the means of x to y.
  func forward(_ x: Elements, _ y: Elements) {
    parallel(input.planes * outputHeight) { unit in
      switch input.channelBlock {
      case 16: forwardRow(unit, x, y, 16, .whole)
      default: forwardRow(unit, x, y, 8, .half)
      }
    }
  }

  /// Writes the gradient of x: that of its window's mean, in equal shares.
  func backward(_ dy: Elements, _ dx: Elements) {
    parallel(input.planes * input.h) { unit in
      switch input.channelBlock {
      case 16: backwardRow(unit, dy, dx, 16, .whole)
      default: backwardRow(unit, dy, dx, 8, .half)
      }
    }
  }

  @inline(__always)
  private func forwardRow(_ unit: Int, _ x: Elements, _ y: Elements, _ channelBlock: Int, _ width: GroupWidth) {
    let (plane, row) = unit.quotientAndRemainder(dividingBy: outputHeight)
    let rows = min(2, input.h - 2 * row)
    let top = x + (plane * input.h + 2 * row) * input.w * channelBlock
    for column in 0..<outputWidth {
      let columns = min(2, input.w &- 2 &* column)
      var sum = Lanes()
      for windowRow in 0..<rows {
        for windowColumn in 0..<columns {
          sum += top.lanes((windowRow &* input.w &+ 2 &* column &+ windowColumn) &* channelBlock, width)
        }
      }
      y.store(sum * (1 / Float(rows &* columns)), (unit &* outputWidth &+ column) &* channelBlock, width)
    }
  }

  @inline(__always)
  private func backwardRow(_ unit: Int, _ dy: Elements, _ dx: Elements, _ channelBlock: Int, _ width: GroupWidth) {
    let (plane, row) = unit.quotientAndRemainder(dividingBy: input.h)
    let dy = dy + (plane * outputHeight + row / 2) * outputWidth * channelBlock
    let rows = min(2, input.h - row / 2 * 2)
    for column in 0..<input.w {
      let columns = min(2, input.w &- column / 2 &* 2)
      let share = dy.lanes(column / 2 &* channelBlock, width) * (1 / Float(rows &* columns))
      dx.store(share, (unit &* input.w &+ column) &* channelBlock, width)
    }
  }
}

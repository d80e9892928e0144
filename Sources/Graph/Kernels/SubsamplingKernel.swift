import Tensors

/// Every second row and column of a map, and the way back for its gradient.
struct SubsamplingKernel {
  let input: BlockedShape

  private var outputHeight: Int { (input.h + 1) / 2 }
  private var outputWidth: Int { (input.w + 1) / 2 }

  /// Writes the pixels of x in even rows and columns to y.
  func forward(_ x: Elements, _ y: Elements) {
    parallel(input.planes) { plane in
      switch input.channelBlock {
      case 16: forwardPlane(plane, x, y, 16, .whole)
      default: forwardPlane(plane, x, y, 8, .half)
      }
    }
  }

  /// Writes the gradient of x: zero where y has no pixel.
  func backward(_ gradient: IncomingGradient, _ dx: Elements) {
    parallel(input.planes) { plane in
      switch input.channelBlock {
      case 16: backwardPlane(plane, gradient, dx, 16, .whole)
      default: backwardPlane(plane, gradient, dx, 8, .half)
      }
    }
  }

  @inline(__always)
  private func forwardPlane(_ plane: Int, _ x: Elements, _ y: Elements, _ channelBlock: Int, _ width: GroupWidth) {
    for row in 0..<outputHeight {
      let from = (plane &* input.h &+ 2 &* row) &* input.w
      let to = (plane &* outputHeight &+ row) &* outputWidth
      for column in 0..<outputWidth {
        y.store(x.lanes((from &+ 2 &* column) &* channelBlock, width), (to &+ column) &* channelBlock, width)
      }
    }
  }

  @inline(__always)
  private func backwardPlane(
    _ plane: Int, _ gradient: IncomingGradient, _ dx: Elements, _ channelBlock: Int, _ width: GroupWidth
  ) {
    for row in 0..<input.h {
      let from = (plane &* outputHeight &+ row / 2) &* outputWidth
      let to = (plane &* input.h &+ row) &* input.w
      for column in 0..<input.w {
        let isKept = (row | column) & 1 == 0
        let lanes = isKept ? gradient.sumLanes((from &+ column / 2) &* channelBlock, width) : Lanes()
        dx.store(lanes, (to &+ column) &* channelBlock, width)
      }
    }
  }
}

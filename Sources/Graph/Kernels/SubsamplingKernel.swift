import Tensors

/// Every second row and column of a map from one on, and the way back for its gradient.
struct SubsamplingKernel {
  let input: BlockedShape
  /// The first row and column: 0 or 1.
  let first: Int

  private var outputHeight: Int { (input.h + 1) / 2 }
  private var outputWidth: Int { (input.w + 1) / 2 }

  /// Writes the pixels of x in these rows and columns to y, and zeros for those beyond the map.
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
      let (taken, to) = (2 &* row &+ first, (plane &* outputHeight &+ row) &* outputWidth)
      let from = (plane &* input.h &+ taken) &* input.w
      for column in 0..<outputWidth {
        let other = 2 &* column &+ first
        let isInside = taken < input.h && other < input.w
        let lanes = isInside ? x.lanes((from &+ other) &* channelBlock, width) : Lanes()
        y.store(lanes, (to &+ column) &* channelBlock, width)
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
        let isKept = row & 1 == first && column & 1 == first
        let lanes = isKept ? gradient.sumLanes((from &+ column / 2) &* channelBlock, width) : Lanes()
        dx.store(lanes, (to &+ column) &* channelBlock, width)
      }
    }
  }
}

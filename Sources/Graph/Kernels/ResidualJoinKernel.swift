import Tensors

/// The end of a residual block: y = normalised branch * [mask] * factor + shortcut * [mask] * factor, then ReLU if wanted.
enum ResidualJoinKernel {
  /// Joins a branch that ends in a batch normalisation, which is never stored, with a shortcut.
  ///
  /// The branch is x * scale + shift by channel. y may be x or the shortcut. The gradient of either side is an `IncomingGradient`
  /// with y as output, where there is a ReLU, and that side's mask.
  static func forward(
    _ x: Elements, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, mask: DropMask,
    shortcut: Elements, shortcutMask: DropMask, relu: Bool, _ y: Elements, _ run: ChannelRun
  ) {
    run.forEachSegment { segment in
      let scale = scale.channelLanes(block: segment.block, of: run.channelBlock) * mask.factor
      let shift = shift.channelLanes(block: segment.block, of: run.channelBlock) * mask.factor
      @inline(__always)
      func join(_ element: Int, _ width: GroupWidth) {
        let branch = shift.addingProduct(x.lanes(element, width), scale)
        let other = shortcut.lanes(element, width) * shortcutMask.factor
        let sum = mask.masked(branch, element, width) + shortcutMask.masked(other, element, width)
        y.store(relu ? sum.rectified : sum, element, width)
      }
      forEachGroup(in: segment, join)
    }
  }
}

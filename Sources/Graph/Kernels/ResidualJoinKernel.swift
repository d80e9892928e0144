import Tensors

/// The end of a residual block: y = normalised branch * [mask] * factor + shortcut * [mask] * factor, then ReLU if wanted.
enum ResidualJoinKernel {
  /// Joins a branch that ends in a batch normalisation, which is never stored, with a shortcut.
  ///
  /// The branch is x * scale + shift by channel. y may be x or the shortcut. The gradient of either side is an `IncomingGradient`
  /// with y as output, where there is a ReLU, and that side's mask.
  static func forward(
    _ x: Elements, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, mask: DropMask?,
    shortcut: Elements, shortcutMask: DropMask?, relu: Bool, _ y: Elements, _ run: ChannelRun
  ) {
    let factor = mask?.factor ?? 1
    let shortcutFactor = shortcutMask?.factor ?? 1
    run.forEachSegment { segment in
      let scale = scale.channelLanes(block: segment.block, of: run.channelBlock) * factor
      let shift = shift.channelLanes(block: segment.block, of: run.channelBlock) * factor
      @inline(__always)
      func join(_ element: Int, _ width: GroupWidth) {
        var branch = shift.addingProduct(x.lanes(element, width), scale)
        var other = shortcut.lanes(element, width)
        if let mask { branch = branch.kept(where: mask.kept(element, width)) }
        if let shortcutMask { other = (other * shortcutFactor).kept(where: shortcutMask.kept(element, width)) }
        let sum = branch + other
        y.store(relu ? sum.rectified : sum, element, width)
      }
      forEachGroup(in: segment, join)
    }
  }
}

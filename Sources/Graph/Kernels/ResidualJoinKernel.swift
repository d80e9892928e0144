import Tensors

/// The end of a residual block: y = relu(a * [mask of a] * factor + b * [mask of b] * factor).
enum ResidualJoinKernel {
  /// Joins two branches, where y may be a or b.
  ///
  /// `count` is a multiple of eight.
  static func forward(
    _ a: UnsafePointer<Float>, maskA: DropMask?, _ b: UnsafePointer<Float>, maskB: DropMask?,
    _ y: UnsafeMutablePointer<Float>, count: Int
  ) {
    let factorA = maskA?.factor ?? 1
    let factorB = maskB?.factor ?? 1
    @inline(__always)
    func join(_ element: Int, _ width: GroupWidth) {
      var left = a.lanes(element, width) * factorA
      var right = b.lanes(element, width) * factorB
      if let maskA { left = left.kept(where: maskA.kept(element, width)) }
      if let maskB { right = right.kept(where: maskB.kept(element, width)) }
      y.store((left + right).rectified, element, width)
    }
    ElementwiseKernel.share(count) { elements in forEachGroup(in: elements, join) }
  }

  /// The gradients of both branches; each may be a buffer of `gradient`, whose output is y and which has no mask.
  ///
  /// Without masks the two are equal: pass the same buffer for both, and it is written once.
  static func backward(
    _ gradient: IncomingGradient, _ da: UnsafeMutablePointer<Float>, maskA: DropMask?,
    _ db: UnsafeMutablePointer<Float>, maskB: DropMask?, count: Int
  ) {
    require(gradient.mask == nil, "the masks of a join belong to its branches")
    require(da != db || (maskA == nil && maskB == nil), "branches with masks need a gradient buffer each")
    if da == db { return ElementwiseKernel.gradient(gradient, da, count: count) }
    let factorA = maskA?.factor ?? 1
    let factorB = maskB?.factor ?? 1
    @inline(__always)
    func divide(_ element: Int, _ width: GroupWidth) {
      let lanes = gradient.lanes(element, width)
      var left = lanes * factorA
      var right = lanes * factorB
      if let maskA { left = left.kept(where: maskA.kept(element, width)) }
      if let maskB { right = right.kept(where: maskB.kept(element, width)) }
      da.store(left, element, width)
      db.store(right, element, width)
    }
    ElementwiseKernel.share(count) { elements in forEachGroup(in: elements, divide) }
  }

  /// Joins a branch that ends in a batch normalisation without storing the normalised branch.
  ///
  /// y = relu((x * scale + shift) * [mask of x] * factor + b * [mask of b] * factor), where b is taken as it is or, with
  /// `shortcut`, first scaled and shifted too. y may be x or b. The gradient of either branch is an `IncomingGradient`
  /// with y as output and the branch's mask, so that no gradient of the sum is stored either.
  static func forward(
    _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, maskX: DropMask?,
    _ b: UnsafePointer<Float>, shortcut: (scale: UnsafePointer<Float>, shift: UnsafePointer<Float>)?, maskB: DropMask?,
    _ y: UnsafeMutablePointer<Float>, _ shape: BlockedShape
  ) {
    let factorX = maskX?.factor ?? 1
    let factorB = maskB?.factor ?? 1
    shape.forEachSegment { segment in
      let block = segment.block
      let scaleX = scale.channelLanes(block: block, of: shape.channelBlock) * factorX
      let shiftX = shift.channelLanes(block: block, of: shape.channelBlock) * factorX
      var scaleB = Lanes(repeating: factorB)
      var shiftB = Lanes()
      if let shortcut {
        scaleB = shortcut.scale.channelLanes(block: block, of: shape.channelBlock) * factorB
        shiftB = shortcut.shift.channelLanes(block: block, of: shape.channelBlock) * factorB
      }
      @inline(__always)
      func join(_ element: Int, _ width: GroupWidth) {
        var left = shiftX.addingProduct(x.lanes(element, width), scaleX)
        var right = shiftB.addingProduct(b.lanes(element, width), scaleB)
        if let maskX { left = left.kept(where: maskX.kept(element, width)) }
        if let maskB { right = right.kept(where: maskB.kept(element, width)) }
        y.store((left + right).rectified, element, width)
      }
      forEachGroup(in: segment.elements, join)
    }
  }
}

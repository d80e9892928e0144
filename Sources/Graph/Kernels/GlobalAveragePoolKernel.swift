import Tensors

/// The mean over the pixels of every channel of every image.
enum GlobalAveragePoolKernel {
  /// Writes the means of x (N, C, H, W) to y (N, C, 1, 1).
  ///
  /// Sums are in Double, in memory order.
  static func forward(_ x: Elements, _ shape: BlockedShape, _ y: Elements) {
    let scale = 1 / Double(shape.area)
    parallel(shape.planes) { plane in
      var sum = DoubleLanes()
      forEachGroup(in: plane * shape.planeElements..<(plane + 1) * shape.planeElements) { element, width in
        sum.add(x.lanes(element, width))
      }
      switch shape.channelBlock {
      case 16:
        y.store(Lanes(lowHalf: SIMD8(sum.low * scale), highHalf: SIMD8(sum.high * scale)), plane * 16)
      default:
        // A group is two pixels of eight channels.
        y.store(Lanes(lowHalf: SIMD8((sum.low + sum.high) * scale), highHalf: SIMD8()), plane * 8, .half)
      }
    }
  }

  /// Writes the gradient of x: that of its mean, in equal shares.
  static func backward(_ dy: Elements, _ dx: Elements, _ shape: BlockedShape) {
    let scale = 1 / Float(shape.area)
    parallel(shape.planes) { plane in
      let share: Lanes
      switch shape.channelBlock {
      case 16: share = dy.lanes(plane * 16) * scale
      default:
        let half = dy.lanes(plane * 8, .half).lowHalf * scale
        share = Lanes(lowHalf: half, highHalf: half)
      }
      forEachGroup(in: plane * shape.planeElements..<(plane + 1) * shape.planeElements) { element, width in
        dx.store(share, element, width)
      }
    }
  }
}

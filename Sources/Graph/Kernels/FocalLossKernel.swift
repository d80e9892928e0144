import Tensors

/// The focal loss of the class logits of one pyramid level, and its gradient, in one pass.
///
/// Channel a * K + k is class k of anchor a. All logits are first taken as background, sixteen at a time; positives and
/// ignored anchors, which are few, are put right one by one.
struct FocalLossKernel {
  /// The class logits of the level, A * K channels.
  let shape: BlockedShape
  /// Anchors at a pixel, A.
  let anchors: Int
  /// Classes, K.
  let classes: Int
  /// The weight of positives; negatives have 1 - alpha.
  let alpha: Float
  /// The exponent that turns easy examples down, at least 0.
  let gamma: Float

  init(shape: BlockedShape, anchors: Int, classes: Int, alpha: Float, gamma: Float) {
    require(shape.c == anchors * classes, "\(shape.c) class logits for \(anchors) anchors of \(classes) classes")
    require(gamma >= 0, "the focal loss needs gamma of at least 0, not \(gamma)")
    (self.shape, self.anchors, self.classes, self.alpha, self.gamma) = (shape, anchors, classes, alpha, gamma)
  }

  /// Adds each image's loss to `losses` and writes the gradient of `weights[n]` times it.
  ///
  /// The losses that are added are not weighted. `gradient` may be `logits`, or nil where nobody asks. No anchor is in both
  /// lists or twice in one.
  func run(
    _ logits: Elements, gradient: Elements?, weights: UnsafePointer<Float>,
    positives: [PositiveAnchor], ignored: [IgnoredAnchor], losses: UnsafeMutablePointer<Double>
  ) {
    let units = shape.planes * shape.segmentsPerPlane
    let count = units + 2 * positives.count + ignored.count
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(count, 1)) { scratch in
      guard let sums = scratch.baseAddress else { return }
      scratch.initialize(repeating: 0)
      let corrections = sums + units
      let slopes = corrections + positives.count
      let excluded = slopes + positives.count
      // The pass may overwrite the logits, so what puts it right is worked out before.
      parallel(positives.count) { index in
        let positive = positives[index]
        let x = logits[offset(positive)]
        let term = FocalTerm(Lanes(repeating: -x), gamma: gamma)
        let background = FocalTerm(Lanes(repeating: x), gamma: gamma)
        corrections[index] = Double(alpha) * Double(term.value[0]) - Double(1 - alpha) * Double(background.value[0])
        slopes[index] = -Double(alpha) * Double(term.slope[0])
      }
      parallel(ignored.count) { index in
        var sum = 0.0
        forEachRun(of: ignored[index]) { element, lanes in
          let term = FocalTerm(logits.lanes(element, shape.channelBlock == 16 ? .whole : .half), gamma: gamma)
          for lane in lanes { sum += Double(term.value[lane]) }
        }
        excluded[index] = -Double(1 - alpha) * sum
      }
      parallel(units) { unit in
        let segment = shape.segment(unit)
        sums[unit] = Double(1 - alpha) * background(segment, logits, gradient, weights[segment.image] * (1 - alpha))
      }
      for unit in 0..<units { losses[shape.segment(unit).image] += sums[unit] }
      for (index, positive) in positives.enumerated() {
        losses[positive.image] += corrections[index]
        gradient?[offset(positive)] = Float(slopes[index]) * weights[positive.image]
      }
      for (index, anchor) in ignored.enumerated() {
        losses[anchor.image] += excluded[index]
        guard let gradient else { continue }
        forEachRun(of: anchor) { element, lanes in
          for lane in lanes { gradient[element + lane] = 0 }
        }
      }
    }
  }

  /// Takes a segment's logits as background: writes their gradients, and returns the sum of the terms' values.
  private func background(
    _ segment: PlaneSegment, _ logits: Elements, _ gradient: Elements?, _ weight: Float
  ) -> Double {
    // Two loops, of which the second one computes no slopes.
    guard let gradient else { return background(segment, logits) { _, _, _ in } }
    return background(segment, logits) { slopes, element, width in gradient.store(slopes * weight, element, width) }
  }

  /// Takes a segment's logits as background and returns the sum of the terms' values; `take` gets the slopes of each group.
  @inline(__always)
  private func background(
    _ segment: PlaneSegment, _ logits: Elements, take: (_ slopes: Lanes, _ element: Int, _ width: GroupWidth) -> Void
  ) -> Double {
    let gamma = gamma
    let lane = SIMD16<Float>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    let channel = shape.channelBlock == 16 ? lane : lane.replacing(with: lane - 8, where: lane .>= 8)
    let isChannel = channel .< Float(shape.channels(ofBlock: segment.block))
    var sum = DoubleLanes()
    // Float lanes add up at most sixteen values before they enter the Double sums.
    for start in stride(from: segment.elements.lowerBound, to: segment.elements.upperBound, by: 256) {
      var runSum = Lanes()
      @inline(__always)
      func add(_ element: Int, _ width: GroupWidth) {
        let term = FocalTerm(logits.lanes(element, width), gamma: gamma)
        take(term.slope.kept(where: isChannel), element, width)
        // Half a group has nothing in its upper lanes, but the loss of a logit of zero is not zero.
        switch width {
        case .whole: runSum += term.value.kept(where: isChannel)
        case .half: runSum.lowHalf += term.value.kept(where: isChannel).lowHalf
        }
      }
      forEachGroup(in: start..<min(start + 256, segment.elements.upperBound), add)
      sum.add(runSum)
    }
    return sum.total
  }

  /// The element of a positive anchor's class.
  private func offset(_ positive: PositiveAnchor) -> Int {
    check(positive.image, positive.pixel, positive.anchor)
    require(
      positive.classIndex >= 0 && positive.classIndex < classes, "class \(positive.classIndex) of \(classes) classes")
    let channel = positive.anchor * classes + positive.classIndex
    return pixelOffset(positive.image, channel / shape.channelBlock, positive.pixel) + channel % shape.channelBlock
  }

  /// Runs `body` on the channel blocks that hold an anchor's classes: the pixel's first element and the lanes in it.
  private func forEachRun(of anchor: IgnoredAnchor, _ body: (_ element: Int, _ lanes: Range<Int>) -> Void) {
    check(anchor.image, anchor.pixel, anchor.anchor)
    let size = shape.channelBlock
    let channels = anchor.anchor * classes..<(anchor.anchor + 1) * classes
    for block in channels.lowerBound / size...(channels.upperBound - 1) / size {
      let lanes = max(channels.lowerBound, block * size) - block * size..<min(channels.upperBound - block * size, size)
      body(pixelOffset(anchor.image, block, anchor.pixel), lanes)
    }
  }

  private func pixelOffset(_ image: Int, _ block: Int, _ pixel: Int) -> Int {
    ((image * shape.channelBlocks + block) * shape.area + pixel) * shape.channelBlock
  }

  private func check(_ image: Int, _ pixel: Int, _ anchor: Int) {
    require(
      image >= 0 && image < shape.n && pixel >= 0 && pixel < shape.area && anchor >= 0 && anchor < anchors,
      "image \(image), pixel \(pixel), anchor \(anchor) lie outside \(shape) with \(anchors) anchors a pixel")
  }
}

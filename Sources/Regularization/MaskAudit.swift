import Tensors

/// The drop rate of one layer's masks as measured, beside what it should be.
public struct MaskAudit: Sendable {
  /// The shape of the masked tensor (N, C, H, W).
  public let shape: Shape
  /// Rows of DropBlock's block, after clamping to the map where the mode clamps.
  public let blockSize: Int?
  /// The keep probability of the layer, after schedule and group scaling.
  public let keepProbability: Double
  /// The probability with which DropBlock starts a block at a place.
  public let gamma: Double?
  /// The dropped share that the parameters ask for, 1 - keepProbability.
  public var wanted: Double { 1 - keepProbability }
  /// The exact expectation of the dropped share: overlapping blocks count once, and the modes have rates of their own.
  public let expected: Double
  /// The dropped share over all draws.
  public let measured: Double
  /// The standard deviation that `measured` has by its distribution, about `expected`.
  public let standardError: Double
  /// Masks drawn.
  public let draws: Int

  /// The distance from the expectation in standard errors, 0 where both agree to rounding.
  public var deviation: Double {
    abs(measured - expected) < 1e-12 ? 0 : (measured - expected) / standardError
  }

  /// Draws masks for the steps 0..<draws of a layer and counts them.
  public init(
    _ regularizer: Regularizer, shape: Shape, keepProbability: Double, stream: MaskStream, layer: Int, draws: Int
  ) {
    require(shape.count > 0 && draws >= 1, "nothing to audit in \(draws) masks of \(shape)")
    let expectation = regularizer.expectation(shape: shape, keepProbability: keepProbability)
    let layout = MaskLayout(shape: shape, channelBlock: 16)
    var words = [UInt16](repeating: 0, count: layout.wordCount)
    let kept = words.withUnsafeMutableBufferPointer { words in
      (0..<draws).reduce(0) { kept, step in
        kept
          + regularizer.fillMask(
            words, shape: shape, channelBlock: 16, keepProbability: keepProbability, stream: stream, step: step,
            layer: layer)
      }
    }
    self.shape = shape
    self.keepProbability = keepProbability
    self.draws = draws
    switch regularizer {
    case .dropBlock(let dropBlock):
      let rule = dropBlock.fittingRule(keepProbability: keepProbability, height: shape.h, width: shape.w)
      blockSize = rule.height
      gamma = rule.gamma
    case .dropout, .spatialDropout, .dropPath: (blockSize, gamma) = (nil, nil)
    }
    expected = expectation.rate
    measured = 1 - Double(kept) / Double(shape.count * draws)
    standardError = (expectation.variance / Double(draws)).squareRoot()
  }
}

import Glibc
import Tensors

/// What drops parts of activations in training: one of the regularisers that the DropBlock paper compares.
///
/// Each of them is a mask of bits and a factor that gives kept elements their expected size back, both constants of a
/// step; they differ in what is dropped as a whole. Masks are pure functions of the seed, the stream, the step, the layer,
/// the sample and the channel, whatever the number of threads and the layout.
public enum Regularizer: Hashable, Sendable {
  /// Square regions of a map; the factor comes from the number of kept elements.
  case dropBlock(DropBlock)
  /// Single elements (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, 2014).
  case dropout
  /// Whole channels of a sample (Tompson, Goroshin, Jain, LeCun and Bregler, 2015).
  case spatialDropout
  /// A whole sample at the end of a branch, so that only the skip connection is left (Larsson, Maire and Shakhnarovich,
  /// 2017).
  case dropPath

  /// Whether the factor is elements / kept elements as counted, and not 1 / (the probability of being kept).
  public var isNormalizedByCounts: Bool {
    switch self {
    case .dropBlock: true
    case .dropout, .spatialDropout, .dropPath: false
    }
  }

  /// What kept elements are multiplied with, not negative: elements / kept elements, or 1 / (the probability of being kept).
  ///
  /// Counts are of the whole local tensor (samples, channels and pixels together), as in the official DropBlock code;
  /// summed over ranks first they give the global factor. Where nothing is kept it is 0: the official code divides by
  /// zero there.
  public func factor(elements: Int, kept: Int, keepProbability: Double) -> Float {
    if kept == 0 { return 0 }
    switch self {
    case .dropBlock(let dropBlock):
      return Float(Double(elements) / (Double(kept) + dropBlock.mode.countOffset))
    case .dropout: return Float(1 / IndependentMask.keepProbability(.element, nearest: keepProbability))
    case .spatialDropout: return Float(1 / IndependentMask.keepProbability(.channel, nearest: keepProbability))
    case .dropPath: return Float(1 / IndependentMask.keepProbability(.sample, nearest: keepProbability))
    }
  }

  /// Writes the mask of one layer and step, and returns the number of kept elements.
  ///
  /// `words` gets the bits in the order of `MaskLayout(shape:channelBlock:)`; it needs `wordCount` words. Padded channels
  /// are 0 and not counted, so the count lies in 0...`shape.count`. A keep probability of 1 keeps everything. The work is
  /// shared among the threads of the pool.
  public func fillMask(
    _ words: UnsafeMutableBufferPointer<UInt16>, shape: Shape, channelBlock: Int, keepProbability: Double,
    stream: MaskStream, step: Int, layer: Int
  ) -> Int {
    let canvas = MaskCanvas(
      words, layout: MaskLayout(shape: shape, channelBlock: channelBlock), stream: stream, step: step, layer: layer)
    require(keepProbability >= 0 && keepProbability <= 1, "keep probability \(keepProbability) outside 0...1")
    switch self {
    case .dropBlock(let dropBlock): return dropBlock.fillMask(canvas, keepProbability: keepProbability)
    case .dropout: return IndependentMask(unit: .element, keepProbability: keepProbability).fill(canvas)
    case .spatialDropout: return IndependentMask(unit: .channel, keepProbability: keepProbability).fill(canvas)
    case .dropPath: return IndependentMask(unit: .sample, keepProbability: keepProbability).fill(canvas)
    }
  }

  /// The exact mean and variance of the dropped share of a mask of this shape.
  public func expectation(shape: Shape, keepProbability: Double) -> (rate: Double, variance: Double) {
    func independent(_ unit: IndependentMask.Unit, _ units: Int) -> (Double, Double) {
      let kept = IndependentMask.keepProbability(unit, nearest: keepProbability)
      return (1 - kept, kept * (1 - kept) / Double(units))
    }
    switch self {
    case .dropBlock(let dropBlock):
      let map = DropExpectation(dropBlock, keepProbability: keepProbability, height: shape.h, width: shape.w)
      return (map.rate, map.channelVariance / Double(dropBlock.isShared ? shape.n : shape.n * shape.c))
    case .dropout: return independent(.element, shape.count)
    case .spatialDropout: return independent(.channel, shape.n * shape.c)
    case .dropPath: return independent(.sample, shape.n)
    }
  }
}

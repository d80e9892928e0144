import Regularization
import Tensors

/// A mask as tests want it: the words as they were written, the returned count, and one number an element.
struct DrawnMask: Equatable {
  let layout: MaskLayout
  let words: [UInt16]
  let kept: Int

  /// Draws a mask into a buffer whose old content is all ones, so that a bit left unwritten shows.
  init(
    _ regularizer: Regularizer, _ shape: Shape, keepProbability: Double, channelBlock: Int = 16,
    stream: MaskStream = .perRank(seed: 7, rank: 0), step: Int = 0, layer: Int = 0
  ) {
    let layout = MaskLayout(shape: shape, channelBlock: channelBlock)
    var words = [UInt16](repeating: .max, count: layout.wordCount)
    kept = words.withUnsafeMutableBufferPointer {
      regularizer.fillMask(
        $0, shape: shape, channelBlock: channelBlock, keepProbability: keepProbability, stream: stream, step: step,
        layer: layer)
    }
    (self.layout, self.words) = (layout, words)
  }

  /// Draws a mask of DropBlock.
  init(
    _ dropBlock: DropBlock, _ shape: Shape, keepProbability: Double, channelBlock: Int = 16,
    stream: MaskStream = .perRank(seed: 7, rank: 0), step: Int = 0, layer: Int = 0
  ) {
    self.init(
      .dropBlock(dropBlock), shape, keepProbability: keepProbability, channelBlock: channelBlock, stream: stream,
      step: step, layer: layer)
  }

  /// 1 where kept and 0 where dropped, in the order (N, C, H, W).
  var elements: [UInt8] { words.withUnsafeBufferPointer { layout.unpack($0) } }

  /// All bits of the words that are 1, those of padded channels too.
  var ones: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}

/// The correlation of two masks of independent elements in standard errors, about normal when they are independent.
///
/// `rate` is the probability of dropping an element. Equal masks give the square root of their size.
func agreement(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>, rate: Double) -> Double {
  func excess(_ element: UInt8) -> Double { Double(1 - element) - rate }
  let products = zip(a, b).map { excess($0) * excess($1) }
  return products.reduce(0, +) / (rate * (1 - rate)) / Double(products.count).squareRoot()
}

import Tensors

/// Which random numbers the masks of a batch are made of.
///
/// Masks are a pure function of the seed, the stream, the step, the layer, the sample and the map; there is no
/// generator to save. The seed and the stream form the key of Philox; the rest is its counter.
public struct MaskStream: Hashable, Sendable {
  /// The seed of the run.
  public let seed: UInt64
  /// The second half of Philox' key: the rank, or one constant for all ranks.
  public let stream: UInt32
  /// The number of the batch's first sample within the stream.
  public let firstSample: Int
  /// The distance between the numbers of neighbouring samples of the batch.
  public let sampleStride: Int

  /// Samples that one step can number; a batch over all ranks and micro-batches may not be larger.
  public static let sampleLimit = 1 << 16
  /// Layers with a mask that one model can number.
  public static let layerLimit = 1 << 16

  /// No rank can have this number, so masks by sample never meet those by rank.
  static let sharedStream = UInt32.max

  /// A stream of its own for every rank: `random.stream: rank`.
  ///
  /// `firstSample` is the number of samples that earlier micro-batches of the same step had on this rank.
  public static func perRank(seed: UInt64, rank: Int, firstSample: Int = 0) -> MaskStream {
    require(rank >= 0 && rank < Int(sharedStream), "rank \(rank) has no random stream")
    return MaskStream(seed: seed, stream: UInt32(rank), firstSample: firstSample, sampleStride: 1)
  }

  /// One stream for all ranks, where a sample's place in the global batch counts: `random.stream: sample`.
  ///
  /// Sample n of the batch lies at `firstPosition + n * stride` of the step's global batch, so a mask does not depend
  /// on how many ranks share the batch.
  public static func perSample(seed: UInt64, firstPosition: Int, stride: Int = 1) -> MaskStream {
    MaskStream(seed: seed, stream: sharedStream, firstSample: firstPosition, sampleStride: stride)
  }

  /// The generator that the seed and the stream choose.
  var philox: Philox { Philox(seed: seed, stream: stream) }

  /// The counter of a sample's first draws, with channel 0.
  ///
  /// The words are: draw, step, layer and sample, first channel of a segment. The draw word starts in the upper half, which the sequences
  /// that count from 0 (augmentation, initial weights) never reach, so equal keys never give equal numbers.
  func counter(step: Int, layer: Int, sample: Int) -> SIMD4<UInt32> {
    let number = firstSample + sample * sampleStride
    require(number >= 0 && number < Self.sampleLimit, "sample \(number) of a step has no mask: at most 65536")
    require(layer >= 0 && layer < Self.layerLimit, "layer \(layer) has no mask: at most 65536")
    require(step >= 0 && step <= Int(UInt32.max), "step \(step) does not fit 32 bits")
    return SIMD4(1 << 31, UInt32(step), UInt32(layer << 16 | number), 0)
  }
}

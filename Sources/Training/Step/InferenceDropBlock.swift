import Graph
import Regularization

/// DropBlock that acts where a network is evaluated, as in Figure 5 of the paper; `off` is evaluation as usual.
///
/// A task makes the graph of its inference plan with `selection` and runs it with `context`. The mode is the paper's and the
/// keep probability constant. An image's masks belong to its number in the data set; kept elements are counted over a
/// batch, so what a batch holds must not depend on the number of ranks for figures that do not.
struct InferenceDropBlock: Hashable, Sendable {
  /// The places where it acts.
  let selection: MaskSelection
  private let dropBlock: DropBlock
  private let keepProbabilities: KeepProbabilities
  private let seed: UInt64

  /// Nothing is dropped.
  static let off = InferenceDropBlock(
    DropBlock(blockSize: 1), keepProbabilities: KeepProbabilities(1), at: .none, seed: 0)

  /// DropBlock at these places.
  init(_ dropBlock: DropBlock, keepProbabilities: KeepProbabilities, at selection: MaskSelection, seed: UInt64) {
    (self.dropBlock, self.keepProbabilities) = (dropBlock, keepProbabilities)
    (self.selection, self.seed) = (selection, seed)
  }

  /// The settings in words.
  var summary: String {
    "block \(dropBlock.blockSize), keep \(keepProbabilities.scheduled), groups \(selection.groups.sorted().yaml)"
      + (keepProbabilities.groups == nil ? "" : " with a quarter of the rate for each group before the last")
      + ", seed \(seed)"
  }

  /// Images whose numbers one step of the stream tells apart; a batch must not reach beyond a multiple of it.
  static let imagesPerStep = MaskStream.sampleLimit

  /// What a plan of a graph with the selection computes a batch with: images of consecutive numbers in the data set.
  func context(firstImage: Int) -> RunContext {
    if self == .off { return RunContext() }
    let (step, position) = firstImage.quotientAndRemainder(dividingBy: Self.imagesPerStep)
    return RunContext(
      step: step, maskStream: .perSample(seed: seed, firstPosition: position),
      regularization: RegularizationStep(
        .dropBlock(dropBlock), keepProbabilities: keepProbabilities, normalizerIsGlobal: false))
  }
}

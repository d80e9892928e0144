import Tensors

/// The pictures of a data set in batches of one rank, each picture on exactly one rank, made ahead by background threads.
///
/// Rank r of n takes pictures r, r + n, r + 2n, ... in this order. All ranks get the same number of batches, so that they can
/// meet after each; the last ones may be partly filled or empty.
public final class EvaluationBatches {
  /// Pictures in their order.
  public struct Batch {
    /// The input as (count, C, H, W), red first, normalised; valid until the next call of `next`.
    public let images: UnsafeMutableBufferPointer<Float>
    /// The number of each picture in the data set.
    public let indices: [Int]
    /// The class of each picture.
    public let labels: [Int]
    /// Pictures in the batch, at most `batchSize`.
    public var count: Int { labels.count }
  }

  /// Pictures of a full batch.
  public let batchSize: Int
  /// Batches of every rank.
  public let batchCount: Int

  private let prefetcher: Prefetcher<ClassificationSample>
  private var delivered = 0

  /// Starts to read the share of `rank`.
  ///
  /// `threads` background threads keep at most `depth` batches, the one in use among them.
  public init(
    _ dataset: ClassificationDataset, _ transform: ClassificationTransform, rank: Int, ranks: Int, batchSize: Int,
    threads: Int = 1, depth: Int = 2
  ) {
    require(rank >= 0 && rank < ranks && batchSize >= 1, "rank \(rank) of \(ranks), batches of \(batchSize)")
    self.batchSize = batchSize
    let largestShare = (dataset.count + ranks - 1) / ranks
    batchCount = (largestShare + batchSize - 1) / batchSize
    prefetcher = Prefetcher(
      sampleCount: max(0, (dataset.count - rank + ranks - 1) / ranks), batchSize: batchSize,
      sampleElements: dataset.channels * transform.height * transform.width, depth: depth, threads: threads
    ) {
      let reader = ClassificationReader()
      return { number, output in
        let index = rank + number * ranks
        do {
          try reader.readForEvaluation(dataset, at: index, transform, into: output)
        } catch let error as InputError where error.exitCode == .badData {
          throw InputError(.badData, "\(error); evaluation leaves nothing out")
        }
        return ClassificationSample(imageIndex: index, label: dataset.label(at: index))
      }
    }
  }

  /// Waits for the next batch, nil after the last one; the one before becomes invalid.
  ///
  /// Throws exit code 65 for the first picture of the batch that cannot be read.
  public func next() throws -> Batch? {
    if delivered == batchCount { return nil }
    delivered += 1
    let batch = try prefetcher.next()
    return Batch(
      images: batch?.elements ?? UnsafeMutableBufferPointer(start: nil, count: 0),
      indices: batch?.items.map(\.imageIndex) ?? [], labels: batch?.items.map(\.label) ?? [])
  }
}

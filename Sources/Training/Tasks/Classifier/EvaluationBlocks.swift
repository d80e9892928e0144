import Datasets
import Tensors

/// The images of a data set in blocks of consecutive ones, each block on one rank, read ahead by background threads.
///
/// Block b has the images from b * size on, the last one perhaps fewer; rank r of n takes blocks r, r + n, r + 2n, ... in this
/// order. All ranks get the same number of blocks, so that they can meet after each; the last ones may be empty.
final class EvaluationBlocks {
  /// Images in their order.
  struct Block {
    /// The input as (count, C, H, W), red first, normalised; valid until the next call of `next`.
    let images: UnsafeMutableBufferPointer<Float>
    /// The number of the first image in the data set.
    let firstImage: Int
    /// The class of each image.
    let labels: [Int]
  }

  private let prefetcher: Prefetcher<ClassificationSample>
  /// Blocks that every rank still gets.
  private var left: Int

  /// Starts to read the share of `rank`; `threads` background threads keep at most two blocks, the one in use among them.
  init(
    _ dataset: ClassificationDataset, _ transform: ClassificationTransform, rank: Int, ranks: Int, size: Int,
    threads: Int
  ) {
    require(rank >= 0 && rank < ranks && size >= 1, "rank \(rank) of \(ranks), blocks of \(size)")
    let blocks = (dataset.count + size - 1) / size
    left = (blocks + ranks - 1) / ranks
    /// The number in the data set of an image of this rank.
    @Sendable func index(_ number: Int) -> Int { (number / size * ranks + rank) * size + number % size }
    let own = (blocks - rank + ranks - 1) / ranks * size
    // Only the last block of all can lack images, and it is the last one of its rank.
    let missing = own > 0 ? max(0, index(own - 1) + 1 - dataset.count) : 0
    prefetcher = Prefetcher(
      sampleCount: own - missing, batchSize: size,
      sampleElements: dataset.channels * transform.height * transform.width, depth: 2, threads: threads
    ) {
      let reader = ClassificationReader()
      return { number, output in
        let index = index(number)
        do {
          try reader.readForEvaluation(dataset, at: index, transform, into: output)
        } catch let error as InputError where error.exitCode == .badData {
          throw InputError(.badData, "\(error); evaluation leaves nothing out")
        }
        return ClassificationSample(imageIndex: index, label: dataset.label(at: index))
      }
    }
  }

  /// Waits for the next block, nil after the last one; the one before becomes invalid.
  ///
  /// Throws exit code 65 for the first image of the block that cannot be read.
  func next() throws -> Block? {
    if left == 0 { return nil }
    left -= 1
    let batch = try prefetcher.next()
    return Block(
      images: batch?.elements ?? UnsafeMutableBufferPointer(start: nil, count: 0),
      firstImage: batch?.items.first?.imageIndex ?? 0, labels: batch?.items.map(\.label) ?? [])
  }
}

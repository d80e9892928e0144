import Tensors

/// What the random numbers of the data pipeline are drawn for: the last counter word of their sequence.
enum RandomPurpose: UInt32 {
  case order = 1
  case augmentation = 2
  case generation = 3
  case policy = 4
  case cutout = 5

  /// The stream of the data pipeline, far from the ranks' streams of the regularisers.
  static let stream: UInt32 = 0xda7a_0000
}

/// Which picture stands where in an epoch: a pure function of seed, epoch and position.
///
/// Any position can be asked for without those before it, so a restart replays nothing. Every epoch is a permutation of
/// all pictures, made by an alternating Feistel network on a rectangle of at least as many cells, walked until it lands
/// on a picture.
public struct Sampler: Equatable, Sendable {
  /// The number of pictures.
  public let imageCount: Int
  /// The seed of the order.
  public let seed: UInt64

  private let rows: Int
  private let columns: Int

  /// The order of a number of pictures, at least 1.
  public init(imageCount: Int, seed: UInt64) {
    require(imageCount >= 1, "an order of \(imageCount) pictures")
    (self.imageCount, self.seed) = (imageCount, seed)
    var side = Int(Double(imageCount).squareRoot())
    while side * side < imageCount { side += 1 }
    rows = side
    columns = (imageCount + side - 1) / side
  }

  /// The picture at `position` (below `imageCount`) of `epoch`.
  public func imageIndex(epoch: Int, position: Int) -> Int {
    require(position >= 0 && position < imageCount, "position \(position) of \(imageCount) pictures")
    let philox = Philox(seed: seed, stream: RandomPurpose.stream)
    var index = position
    repeat { index = shuffled(index, epoch, philox) } while index >= imageCount
    return index
  }

  /// One pass of the network over the cells 0..<rows * columns.
  private func shuffled(_ index: Int, _ epoch: Int, _ philox: Philox) -> Int {
    var (row, column) = (index / columns, index % columns)
    for round in 0..<8 {
      let counter = SIMD4(
        UInt32(round % 2 == 0 ? column : row), UInt32(round), UInt32(truncatingIfNeeded: epoch),
        RandomPurpose.order.rawValue)
      let word = Int(philox.block(counter)[0])
      if round % 2 == 0 {
        row = (row + (word * rows) >> 32) % rows
      } else {
        column = (column + (word * columns) >> 32) % columns
      }
    }
    return row * columns + column
  }
}

/// Which part of a step's global batch a micro-batch of a rank is.
public enum MicroBatchOrder: Equatable, Sendable {
  /// The first micro-batch of every rank in rank order, then the second, and so on.
  case byPass
  /// All micro-batches of the first rank, then all of the second: neighbours stay neighbours however many ranks there are.
  case byRank

  /// The place among all micro-batches of the step, from 0.
  public func place(ofPass pass: Int, rank: Int, passes: Int, ranks: Int) -> Int {
    switch self {
    case .byPass: pass * ranks + rank
    case .byRank: rank * passes + pass
    }
  }
}

/// How the positions of an epoch are dealt to steps, micro-batches and ranks.
///
/// A step takes the next `globalBatchSize` positions and deals them in `order`. What is left of an epoch when it holds no whole step is dropped; the next epoch has another order, so no
/// picture is dropped for ever.
public struct BatchSchedule: Equatable, Sendable {
  /// The order of the pictures.
  public let sampler: Sampler
  /// The number of ranks.
  public let ranks: Int
  /// Pictures that one rank takes at once.
  public let batchSizePerRank: Int
  /// Micro-batches of a step.
  public let accumulation: Int
  /// How the micro-batches of a step lie in its positions.
  public let order: MicroBatchOrder

  /// A schedule; throws exit code 65 when `name` has fewer pictures than one step takes.
  public init(
    sampler: Sampler, ranks: Int, batchSizePerRank: Int, accumulation: Int = 1, order: MicroBatchOrder = .byPass,
    name: String
  ) throws {
    require(ranks >= 1 && batchSizePerRank >= 1 && accumulation >= 1, "an empty batch")
    (self.sampler, self.ranks, self.batchSizePerRank) = (sampler, ranks, batchSizePerRank)
    (self.accumulation, self.order) = (accumulation, order)
    if sampler.imageCount < globalBatchSize {
      throw InputError(
        .badData,
        "\(name): has \(sampler.imageCount) images, a step takes \(globalBatchSize) (\(ranks) ranks x "
          + "\(batchSizePerRank) images x \(accumulation) micro-batches); use fewer ranks or a smaller batch")
    }
  }

  /// Pictures of a step on all ranks.
  public var globalBatchSize: Int { ranks * batchSizePerRank * accumulation }
  /// Steps of an epoch.
  public var stepsPerEpoch: Int { sampler.imageCount / globalBatchSize }

  /// The epoch and the position in it of one picture of one rank.
  public func place(step: Int, microBatch: Int = 0, rank: Int, index: Int) -> (epoch: Int, position: Int) {
    let first = step % stepsPerEpoch * globalBatchSize
    let place = order.place(ofPass: microBatch, rank: rank, passes: accumulation, ranks: ranks)
    return (step / stepsPerEpoch, first + place * batchSizePerRank + index)
  }
}

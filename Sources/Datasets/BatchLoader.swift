import Tensors

/// The micro-batches of one rank, made ahead by background threads.
///
/// Micro-batch m of step s is number s * accumulation + m of the sequence. `Payload` is whatever the training derives
/// from a sample alone, such as anchor targets; it is computed on the threads too.
public final class BatchLoader<Sample: LoadedSample, Payload: Sendable> {
  /// One micro-batch, valid until the next call of `next`.
  public struct Batch {
    /// The step that the batch belongs to.
    public let step: Int
    /// Its place among the step's micro-batches.
    public let microBatch: Int
    /// The input as (B, C, H, W), red first, normalised.
    public let images: UnsafeMutableBufferPointer<Float>
    /// What is known about each picture.
    public let samples: [Sample]
    /// What the closure made of each sample.
    public let payloads: [Payload]
    /// Faults not seen before by this loader, to be printed.
    public let newFaults: [DataFault]
  }

  /// Rows of the input.
  public let height: Int
  /// Columns of the input.
  public let width: Int
  /// The faults that this rank has met.
  public private(set) var faultLog: FaultLog

  private struct Item: Sendable {
    var sample: Sample
    var payload: Payload
    var faults: [DataFault]
  }
  private let prefetcher: Prefetcher<Item>
  private let firstBatch: Int
  private let accumulation: Int

  /// Starts to load the batches of `rank` from `firstStep` on.
  ///
  /// `threads` background threads keep at most `depth` micro-batches, the one in use among them. Traps where the source has
  /// no canvas for all pictures.
  public init<Source: SampleMaker>(
    source: Source, schedule: BatchSchedule, rank: Int, firstStep: Int = 0, threads: Int = 1, depth: Int = 3,
    maximumFaults: Int = 0, payload: @escaping @Sendable (Sample) throws -> Payload
  ) where Source.Sample == Sample {
    require(schedule.sampler == source.sampler, "a schedule of another order than the source's")
    require(rank >= 0 && rank < schedule.ranks, "rank \(rank) of \(schedule.ranks)")
    (height, width) = source.canvas
    (accumulation, firstBatch) = (schedule.accumulation, firstStep * schedule.accumulation)
    faultLog = FaultLog(maximum: maximumFaults, imageCount: source.sampler.imageCount)
    let (first, size, accumulation) = (firstBatch, schedule.batchSizePerRank, accumulation)
    prefetcher = Prefetcher(
      sampleCount: nil, batchSize: size, sampleElements: source.channels * height * width, depth: depth,
      threads: threads
    ) {
      let reader = source.makeReader()
      return { number, output in
        let batch = first + number / size
        let place = schedule.place(
          step: batch / accumulation, microBatch: batch % accumulation, rank: rank, index: number % size)
        let (sample, faults) = try source.load(
          epoch: place.epoch, position: place.position, reader: reader, into: output)
        return Item(sample: sample, payload: try payload(sample), faults: faults)
      }
    }
  }

  /// Bytes of the pictures that a loader holds, which are all that grows with `depth`.
  public static func imageBytes(depth: Int, batchSizePerRank: Int, channels: Int = 3, height: Int, width: Int) -> Int {
    depth * batchSizePerRank * channels * height * width * MemoryLayout<Float>.stride
  }

  /// Waits for the next micro-batch; the one before becomes invalid.
  ///
  /// Throws what a thread threw for one of its pictures, and exit code 65 when there are too many faults.
  public func next() throws -> Batch {
    guard let batch = try prefetcher.next() else { fatalError("a sequence without end has ended") }
    let number = firstBatch + batch.number
    let fresh = try faultLog.record(batch.items.flatMap(\.faults))
    return Batch(
      step: number / accumulation, microBatch: number % accumulation, images: batch.elements,
      samples: batch.items.map(\.sample), payloads: batch.items.map(\.payload), newFaults: fresh)
  }
}

extension BatchLoader where Payload == Void {
  /// Starts to load batches without anything derived from the samples.
  public convenience init<Source: SampleMaker>(
    source: Source, schedule: BatchSchedule, rank: Int, firstStep: Int = 0, threads: Int = 1, depth: Int = 3,
    maximumFaults: Int = 0
  ) where Source.Sample == Sample {
    self.init(
      source: source, schedule: schedule, rank: rank, firstStep: firstStep, threads: threads, depth: depth,
      maximumFaults: maximumFaults, payload: { _ in })
  }
}

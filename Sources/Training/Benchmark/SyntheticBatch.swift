import Tensors

/// One batch of noise with random objects, a pure function of the seed and the rank.
final class SyntheticBatch<Task: TrainingTask> {
  /// The random stream of a rank's batch, far from those of masks and of the data pipeline.
  private static func stream(rank: Int) -> UInt32 { 0xbe7c_0000 &+ UInt32(rank) }

  /// What the losses want of each image.
  let targets: [Task.ImageTargets]
  /// Normalised images (N, C, H, W) in plain order.
  var images: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: memory.pointer(to: Float.self), count: count) }

  private let memory: AlignedMemory
  private let count: Int

  /// The batch of a rank, with standard normal pixels.
  init(_ task: Task, images: Int, rank: Int) {
    let (height, width) = task.trainingSize
    let philox = Philox(seed: task.configuration.random.seed, stream: Self.stream(rank: rank))
    count = images * task.imageChannels * height * width
    memory = AlignedMemory(byteCount: count * MemoryLayout<Float>.stride)
    let pixels = memory.pointer(to: Float.self)
    var noise = RandomSequence(philox, 0, 0, 0)
    for index in 0..<count { pixels[index] = noise.normal() }
    var random = (0..<images).map { RandomSequence(philox, UInt32($0), 0, 1) }
    targets = task.syntheticTargets(&random)
  }
}

extension RandomSequence {
  /// One of so many classes.
  mutating func classIndex(of count: Int) -> Int { Int(next(upperBound: UInt64(count))) }
}

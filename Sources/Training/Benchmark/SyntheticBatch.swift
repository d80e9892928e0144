import Detection
import Tensors

/// One batch of noise with random boxes, a pure function of the seed and the rank.
final class SyntheticBatch {
  /// Objects of an image.
  static let boxesPerImage = 8
  /// The random stream of the first rank's batch, far from those of masks and of the data pipeline.
  private static let firstStream: UInt32 = 0xbe7c_0000

  /// The objects' anchors, one list an image.
  let targets: [AnchorTargets]
  /// Normalised images (N, 3, H, W) in plain order.
  var images: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: memory.pointer(to: Float.self), count: count) }

  private let memory: AlignedMemory
  private let count: Int

  /// The batch of a rank: standard normal pixels, and boxes with sides from an eighth to half of the image's.
  init(_ detector: Detector, images: Int, rank: Int) {
    let (height, width) = detector.trainingSize
    let philox = Philox(seed: detector.configuration.random.seed, stream: Self.firstStream &+ UInt32(rank))
    count = images * 3 * height * width
    memory = AlignedMemory(byteCount: count * MemoryLayout<Float>.stride)
    let pixels = memory.pointer(to: Float.self)
    var noise = RandomSequence(philox, 0, 0, 0)
    for index in 0..<count { pixels[index] = noise.normal() }
    let anchors = detector.trainingAnchors
    targets = (0..<images).map { image in
      var random = RandomSequence(philox, UInt32(image), 0, 1)
      func interval(_ side: Int) -> (Float, Float) {
        let length = Float(side) * (0.125 + 0.375 * random.uniform())
        let start = (Float(side) - length) * random.uniform()
        return (start, start + length)
      }
      let boxes = (0..<Self.boxesPerImage).map { _ in
        let ((x1, x2), (y1, y2)) = (interval(width), interval(height))
        return Box(x1: x1, y1: y1, x2: x2, y2: y2)
      }
      let classes = boxes.map { _ in Int(random.next(upperBound: UInt64(detector.configuration.model.classes))) }
      return anchors.targets(boxes: boxes, classIndices: classes)
    }
  }
}

import Tensors
import Testing

@testable import Graph

/// The memory of one test; it lives as long as the suite's value that holds it.
///
/// While it lives, kernels run on one thread: tests run side by side, and several pools of threads would wait for each
/// other. The tests of several threads say so themselves.
final class KernelArena {
  private var blocks: [UnsafeMutableRawPointer] = []
  private let threadCountBefore = ThreadPool.threadCount

  init() { ThreadPool.setThreadCount(1) }

  deinit {
    for block in blocks { block.deallocate() }
    ThreadPool.setThreadCount(threadCountBefore)
  }

  /// Elements that all hold a value.
  func allocate<Element>(_ count: Int, filledWith value: Element) -> UnsafeMutablePointer<Element> {
    let block = UnsafeMutablePointer<Element>.allocate(capacity: count)
    block.initialize(repeating: value, count: count)
    blocks.append(UnsafeMutableRawPointer(block))
    return block
  }

  /// A tensor full of a value, padding too, so that a kernel which leaves something out shows.
  func tensor(_ shape: BlockedShape, filledWith value: Float = 77) -> KernelTensor {
    let start = allocate(shape.count + 2 * KernelTensor.guardElements, filledWith: KernelTensor.mark)
    let tensor = KernelTensor(shape: shape, floats: start + KernelTensor.guardElements)
    tensor.floats.update(repeating: value, count: shape.count)
    return tensor
  }

  /// The blocked form of dense NCHW values, with zeros in the padding.
  func tensor(_ dense: [Float], _ shape: BlockedShape) -> KernelTensor {
    let tensor = tensor(shape, filledWith: 0)
    for (index, value) in dense.enumerated() { tensor.floats[KernelTensor.offset(index, shape)] = value }
    return tensor
  }

  /// A mask that drops about three tenths of the elements, padding included.
  func mask(_ shape: BlockedShape, factor: Float, seed: UInt64) -> KernelMask {
    var random = RandomSequence(Philox(seed: seed, stream: 9), 0, 0, 0)
    let kept = (0..<shape.count).map { _ in random.uniform() >= 0.3 }
    let words = allocate((shape.count + 15) / 16, filledWith: UInt16(0))
    for (element, isKept) in kept.enumerated() where isKept { words[element / 16] |= 1 << (element % 16) }
    return KernelMask(
      mask: DropMask(words: words, factor: factor),
      dense: (0..<shape.n * shape.c * shape.area).map { kept[KernelTensor.offset($0, shape)] })
  }

  /// Buffers of one value a channel, with something in them that a kernel has to overwrite.
  func channels(_ shape: BlockedShape) -> KernelChannels {
    let count = shape.paddedChannels
    func floats() -> UnsafeMutablePointer<Float> { allocate(count, filledWith: 77) }
    return KernelChannels(
      channels: BatchNormChannels(
        mean: floats(), variance: floats(), inverseDeviation: floats(), scale: floats(), shift: floats()),
      sum: allocate(count, filledWith: 77), products: allocate(count, filledWith: 77))
  }
}

/// A blocked tensor with marked floats around it that no kernel may touch.
struct KernelTensor {
  let shape: BlockedShape
  let floats: UnsafeMutablePointer<Float>

  static let guardElements = 24
  static let mark: Float = -12345.678

  /// The tensor as kernels take it.
  var values: Elements { Elements(floats) }

  /// The dense NCHW values.
  var dense: [Float] { (0..<shape.n * shape.c * shape.area).map { floats[Self.offset($0, shape)] } }

  /// All floats with padding, as bits, for comparisons bit for bit.
  var bits: [UInt32] { (0..<shape.count).map { floats[$0].bitPattern } }

  /// Whether the padded lanes are zero and nothing around the tensor was written.
  var isTidy: Bool {
    let inside = Set((0..<shape.n * shape.c * shape.area).map { Self.offset($0, shape) })
    let padding = (0..<shape.count).allSatisfy { inside.contains($0) || floats[$0] == 0 }
    return padding
      && (0..<Self.guardElements).allSatisfy {
        floats[shape.count + $0] == Self.mark && floats[$0 - Self.guardElements] == Self.mark
      }
  }

  /// Where an element of the dense tensor lies in the blocked one.
  static func offset(_ index: Int, _ shape: BlockedShape) -> Int {
    let pixel = index % shape.area
    let channel = index / shape.area % shape.c
    let image = index / (shape.area * shape.c)
    let block = channel / shape.channelBlock
    return ((image * shape.channelBlocks + block) * shape.area + pixel) * shape.channelBlock
      + channel % shape.channelBlock
  }
}

/// A DropBlock mask: the bits, and the dense form of what they say.
struct KernelMask {
  let mask: DropMask
  let dense: [Bool]

  /// What an element is multiplied with.
  func factor(_ index: Int) -> Double { dense[index] ? Double(mask.factor) : 0 }
}

/// Buffers of one value a channel.
struct KernelChannels {
  let channels: BatchNormChannels
  let sum: UnsafeMutablePointer<Double>
  let products: UnsafeMutablePointer<Double>
}

/// The shapes that every kernel is tested with: odd and even areas, one pixel, padding, more than one segment, many images
/// in a segment.
enum KernelShapes {
  static let all: [BlockedShape] = [8, 16].flatMap { block in
    [(2, 36, 5, 7), (1, 20, 1, 1), (3, 16, 4, 4), (2, 20, 37, 33), (41, 20, 1, 1), (70, 5, 2, 2)].map { n, c, h, w in
      BlockedShape(n: n, c: c, h: h, w: w, channelBlock: block)
    }
  }

  /// Normal values for a dense tensor.
  static func random(_ count: Int, seed: UInt64, mean: Float = 0, deviation: Float = 1) -> [Float] {
    var random = RandomSequence(Philox(seed: seed, stream: 1), 0, 0, 0)
    return (0..<count).map { _ in mean + deviation * random.normal() }
  }

  /// Normal values for a shape.
  static func random(_ shape: BlockedShape, seed: UInt64, mean: Float = 0, deviation: Float = 1) -> [Float] {
    random(shape.n * shape.c * shape.area, seed: seed, mean: mean, deviation: deviation)
  }

  /// The channel of an element of a dense tensor.
  static func channel(_ index: Int, _ shape: BlockedShape) -> Int { index / shape.area % shape.c }

  /// The element furthest outside `absolute + relative * |expected|`, in words, or nil when all lie inside.
  static func worst(
    _ actual: [Float], _ expected: [Double], absolute: Double = 0, relative: Double = 0
  ) -> String? {
    if actual.count != expected.count { return "\(actual.count) values for \(expected.count)" }
    var worst: (excess: Double, text: String)?
    for index in actual.indices {
      let error = (Double(actual[index]) - expected[index]).magnitude
      let excess = error / (absolute + relative * expected[index].magnitude)
      if error == 0 || excess <= 1 { continue }
      if excess.isNaN || excess > worst?.excess ?? 0 {
        worst = (excess, "element \(index): got \(actual[index]), expected \(expected[index])")
        if excess.isNaN { break }
      }
    }
    return worst?.text
  }

  /// Whether `body` gives the same with one and with two threads.
  static func isSameForAllThreads<Result: Equatable>(_ body: () -> Result) -> Bool {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    let results = [1, 2].map { threads in
      ThreadPool.setThreadCount(threads)
      return body()
    }
    return results[0] == results[1]
  }
}

extension BlockedShape: CustomTestStringConvertible {
  /// The extents and the channel block.
  public var testDescription: String { "\(n)x\(c)x\(h)x\(w) by \(channelBlock)" }
}

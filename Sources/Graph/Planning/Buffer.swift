import Tensors

/// A piece of the plan's arena, alive from the first to the last step that mentions it.
///
/// Steps hold the buffer and ask for its address when they run; the planner settles the address once all steps are
/// known.
final class Buffer {
  let label: String
  let byteCount: Int
  /// What its numbers are stored as.
  let precision: Precision
  /// Kept for the whole life of the plan: inputs, outputs, masks, derived weights.
  var isPersistent: Bool
  /// Whether it holds a value of the graph or the gradient of one: numbers, in the order of the images.
  var isValue = false
  private(set) var firstStep = Int.max
  private(set) var lastStep = -1
  private var address: UnsafeMutableRawPointer?

  init(_ label: String, byteCount: Int, precision: Precision = .f32, isPersistent: Bool = false) {
    (self.label, self.byteCount, self.precision, self.isPersistent) = (label, byteCount, precision, isPersistent)
  }

  /// Numbers that fit.
  var count: Int { byteCount / precision.byteCount }

  /// The start of the buffer; only after the plan is placed.
  var base: UnsafeMutableRawPointer {
    guard let address else { fatalError("buffer \(label) was never placed") }
    return address
  }

  /// The buffer as floats.
  var floats: UnsafeMutablePointer<Float> {
    require(precision == .f32, "buffer \(label) holds no floats")
    return base.assumingMemoryBound(to: Float.self)
  }

  /// The buffer as activations.
  var elements: Elements { Elements(base, precision) }

  func use(at step: Int) {
    firstStep = min(firstStep, step)
    lastStep = max(lastStep, step)
  }

  func place(at address: UnsafeMutableRawPointer) { self.address = address }
}

extension IncomingGradient {
  /// The gradient in at most two addends, with the ReLU's output and the mask that stand in front of it.
  init(_ addends: [Buffer], output: Buffer? = nil, mask: DropMask = .none) {
    self.init(
      addends[0].elements, addends.count > 1 ? addends[1].elements : nil, output: output?.elements, mask: mask)
  }

  /// The gradient in one buffer, with the mask that stands in front of it.
  init(_ gradient: Buffer, mask: DropMask) { self.init(gradient.elements, mask: mask) }
}

/// Places buffers in one block of memory so that two share bytes only if no step needs both.
///
/// Largest first, each into the lowest gap between the already placed buffers whose lifetimes overlap its own. Returns
/// the offset of each buffer and the bytes in all.
func placeBuffers(_ buffers: [Buffer], stepCount: Int) -> (offsets: [Int], byteCount: Int) {
  let alignment = 4096
  func lifetime(_ buffer: Buffer) -> ClosedRange<Int> {
    buffer.isPersistent ? 0...stepCount : buffer.firstStep...max(buffer.firstStep, buffer.lastStep)
  }
  var offsets = [Int](repeating: 0, count: buffers.count)
  var placed: [(range: Range<Int>, lifetime: ClosedRange<Int>)] = []
  var byteCount = 0
  for index in buffers.indices.sorted(by: { buffers[$0].byteCount > buffers[$1].byteCount }) {
    let needed = (buffers[index].byteCount + alignment - 1) / alignment * alignment
    let life = lifetime(buffers[index])
    var offset = 0
    for other in placed where other.lifetime.overlaps(life) {
      if other.range.lowerBound - offset >= needed { break }
      offset = max(offset, other.range.upperBound)
    }
    offsets[index] = offset
    let range = offset..<offset + needed
    let position = placed.firstIndex { $0.range.lowerBound > offset } ?? placed.count
    placed.insert((range, life), at: position)
    byteCount = max(byteCount, range.upperBound)
  }
  return (offsets, byteCount)
}

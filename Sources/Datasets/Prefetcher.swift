import Tensors

/// Batches made ahead by threads of their own, in a fixed order, in memory that is used again.
///
/// Sample `n` of the whole sequence goes to place `n % batchSize` of batch `n / batchSize`; each is made by one thread
/// that writes its part of the batch's memory and returns an item. What a batch holds does not depend on the number of
/// threads. The threads are plain ones and must not run parallel loops of the OpenMP pool.
public final class Prefetcher<Item: Sendable> {
  /// Makes one sample: its number in the sequence and its memory, to an item.
  public typealias Maker = (_ number: Int, _ output: UnsafeMutableBufferPointer<Float>) throws -> Item

  /// One finished batch, valid until the next call of `next`.
  public struct Batch {
    /// The number of the batch in the sequence.
    public let number: Int
    /// The samples' elements, one after the other.
    public let elements: UnsafeMutableBufferPointer<Float>
    /// The items in order; the last batch of a finite sequence may have fewer.
    public let items: [Item]
  }

  /// Samples of a full batch.
  public let batchSize: Int

  private struct Slot {
    var items: [Item?]
    var missing: Int
    var failure: (place: Int, error: any Error)?
  }
  private struct State {
    /// The sample that the next free thread takes.
    var next = 0
    /// Batches that the consumer has given back.
    var released = 0
    var isStopped = false
    var slots: [Slot]
  }

  private let monitor: Monitor<State>
  private let threads: [WorkerThread]
  private let memory: AlignedMemory
  private let sampleCount: Int
  private let sampleElements: Int
  private let depth: Int
  private var delivered = 0

  /// Starts the threads.
  ///
  /// `sampleCount` samples in all, nil for no end; `sampleElements` floats each; `depth` batches at most at a time, the
  /// consumer's among them, at least 2. `makeMaker` runs once on each thread, so that a maker can own buffers.
  public init(
    sampleCount: Int?, batchSize: Int, sampleElements: Int, depth: Int, threads: Int,
    makeMaker: @escaping @Sendable () -> Maker
  ) {
    require(batchSize >= 1 && threads >= 1 && depth >= 2, "\(threads) threads for \(depth) batches of \(batchSize)")
    let count = sampleCount ?? .max
    let memory = AlignedMemory(byteCount: depth * batchSize * sampleElements * MemoryLayout<Float>.stride)
    let slot = Slot(items: Array(repeating: nil, count: batchSize), missing: batchSize, failure: nil)
    let monitor = Monitor(State(slots: Array(repeating: slot, count: depth)))
    (self.batchSize, self.sampleCount, self.sampleElements) = (batchSize, count, sampleElements)
    (self.memory, self.monitor, self.depth) = (memory, monitor, depth)
    self.threads = (0..<threads).map { _ in
      WorkerThread {
        let maker = makeMaker()
        while true {
          let number: Int? = monitor.wait { state in
            if state.isStopped || state.next >= count { return .some(nil) }
            if state.next / batchSize >= state.released + depth { return nil }
            defer { state.next += 1 }
            return state.next
          }
          guard let number else { return }
          let (index, place) = (number / batchSize % depth, number % batchSize)
          let offset = (index * batchSize + place) * sampleElements
          let output = UnsafeMutableBufferPointer(
            start: memory.pointer(to: Float.self, at: offset * MemoryLayout<Float>.stride), count: sampleElements)
          let result = Result { try maker(number, output) }
          monitor.withLock { state in
            switch result {
            case .success(let item): state.slots[index].items[place] = item
            case .failure(let error):
              if place < state.slots[index].failure?.place ?? .max { state.slots[index].failure = (place, error) }
            }
            state.slots[index].missing -= 1
          }
        }
      }
    }
  }

  deinit {
    monitor.withLock { $0.isStopped = true }
    for thread in threads { thread.join() }
  }

  /// Waits for the next batch, nil after the last one; the memory of the batch before goes back to the threads.
  ///
  /// Throws what the maker of the batch's first failed sample threw.
  public func next() throws -> Batch? {
    let number = delivered
    let (first, more) = number.multipliedReportingOverflow(by: batchSize)
    guard !more, first < sampleCount else { return nil }
    let size = min(batchSize, sampleCount - first)
    let (index, expected) = (number % depth, batchSize - size)
    if number > 0 { monitor.withLock { $0.released = number } }
    let slot = monitor.wait { state in
      guard state.slots[index].missing == expected else { return Slot?.none }
      let slot = state.slots[index]
      state.slots[index].missing = self.batchSize
      state.slots[index].failure = nil
      for place in 0..<size { state.slots[index].items[place] = nil }
      return slot
    }
    delivered += 1
    if let failure = slot.failure { throw failure.error }
    let start = memory.pointer(to: Float.self, at: index * batchSize * sampleElements * MemoryLayout<Float>.stride)
    return Batch(
      number: number, elements: UnsafeMutableBufferPointer(start: start, count: size * sampleElements),
      items: slot.items.compactMap { $0 })
  }
}

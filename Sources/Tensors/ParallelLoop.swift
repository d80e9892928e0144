import COpenMP
import Synchronization

/// The threads of this rank.
///
/// The count belongs to the calling thread (OpenMP keeps it so). oneDNN and the package's own loops share the one OpenMP pool.
public enum ThreadPool {
  /// Threads that a parallel loop of this process uses.
  public static var threadCount: Int { Int(omp_get_max_threads()) }

  /// Sets the number of threads for every later parallel loop and primitive, at least 1.
  public static func setThreadCount(_ count: Int) {
    require(count >= 1, "a rank needs at least one thread, not \(count)")
    omp_set_num_threads(Int32(count))
  }
}

/// What `GOMP_parallel` hands to every thread: the body and how far the work goes.
private struct Loop {
  let count: Int
  let body: (Range<Int>, Int) -> Void
}

/// Runs `body` over contiguous shares of `0..<count`, one share a thread, and returns when all are done.
///
/// The division depends only on `count` and the number of threads. `body` gets its range and the thread's index. A
/// count of one, or a pool of one thread, runs on the caller.
public func parallelRanges(_ count: Int, _ body: (Range<Int>, Int) -> Void) {
  if count <= 0 { return }
  let threads = min(ThreadPool.threadCount, count)
  if threads == 1 {
    body(0..<count, 0)
    return
  }
  withoutActuallyEscaping(body) { body in
    var loop = Loop(count: count, body: body)
    withUnsafeMutablePointer(to: &loop) { pointer in
      GOMP_parallel(
        { data in
          guard let data else { return }
          let loop = data.assumingMemoryBound(to: Loop.self)
          let thread = Int(omp_get_thread_num())
          let threads = Int(omp_get_num_threads())
          let count = loop.pointee.count
          let range = count * thread / threads..<count * (thread + 1) / threads
          if !range.isEmpty { loop.pointee.body(range, thread) }
        }, pointer, UInt32(threads), 0)
    }
  }
}

/// Runs `body` once for each index of `0..<count`, shared among the threads in contiguous runs.
public func parallel(_ count: Int, _ body: (Int) -> Void) {
  parallelRanges(count) { range, _ in
    for index in range { body(index) }
  }
}

/// Runs `body` once for each index of `0..<count`, where which thread runs it must not matter.
///
/// Threads take runs of indices as they get ready, long ones first: a thread that loses its core for a while holds up the others
/// less than with shares that are settled beforehand.
public func parallelGuided(_ count: Int, _ body: (Int) -> Void) {
  if count <= 0 { return }
  let threads = min(ThreadPool.threadCount, count)
  let indices = SharedIndices(count: count, threads: threads)
  parallelRanges(threads) { _, _ in
    while let run = indices.take() {
      for index in run { body(index) }
    }
  }
}

/// Indices that threads share out among themselves.
private final class SharedIndices: Sendable {
  private let next = Atomic<Int>(0)
  private let count: Int
  private let threads: Int

  init(count: Int, threads: Int) { (self.count, self.threads) = (count, threads) }

  /// The next run: a share of half of what is left.
  func take() -> Range<Int>? {
    var start = next.load(ordering: .relaxed)
    while start < count {
      let length = max(1, (count - start) / (2 * threads))
      let (exchanged, original) = next.compareExchange(
        expected: start, desired: start + length, ordering: .relaxed)
      if exchanged { return start..<start + length }
      start = original
    }
    return nil
  }
}

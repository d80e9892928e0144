import Tensors

/// Passes over whole buffers in which every element is on its own; `count` is a multiple of eight.
enum ElementwiseKernel {
  /// Floats that a thread takes at a time.
  static let chunkElements = 1 << 15

  /// Runs `body` on the groups of `count` floats, shared among the threads.
  @inline(__always)
  static func shareGroups(of count: Int, _ body: (_ element: Int, _ width: GroupWidth) -> Void) {
    require(count % 8 == 0, "\(count) floats are no whole number of channel blocks")
    parallel((count + chunkElements - 1) / chunkElements) { chunk in
      let start = chunk * chunkElements
      forEachGroup(of: min(chunkElements, count - start)) { offset, width in body(start &+ offset, width) }
    }
  }

  /// y = max(x, 0); y may be x.
  static func relu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int) {
    shareGroups(of: count) { element, width in y.store(x.lanes(element, width).rectified, element, width) }
  }

  /// dx = the incoming gradient with its ReLU and mask undone; dx may be one of its buffers.
  static func gradient(_ gradient: IncomingGradient, _ dx: UnsafeMutablePointer<Float>, count: Int) {
    let factor = gradient.factor
    shareGroups(of: count) { element, width in
      dx.store(gradient.lanes(element, width) * factor, element, width)
    }
  }

  /// y = a + b; y may be a or b.
  static func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int
  ) {
    shareGroups(of: count) { element, width in
      y.store(a.lanes(element, width) + b.lanes(element, width), element, width)
    }
  }

  /// y = a + b + c, in this order; y may be any of them.
  static func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    count: Int
  ) {
    shareGroups(of: count) { element, width in
      y.store(a.lanes(element, width) + b.lanes(element, width) + c.lanes(element, width), element, width)
    }
  }

  /// a += b.
  static func accumulate(_ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, count: Int) {
    add(UnsafePointer(a), b, a, count: count)
  }

  /// Sets all elements to zero.
  static func clear(_ a: UnsafeMutablePointer<Float>, count: Int) {
    shareGroups(of: count) { element, width in a.store(Lanes(), element, width) }
  }
}

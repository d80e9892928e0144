import Tensors

/// Passes over whole buffers in which every element is on its own; `count` is a multiple of eight.
enum ElementwiseKernel {
  /// Floats that a thread takes at a time.
  static let chunkElements = 1 << 15

  /// Runs `body` on runs of `count` floats, shared among the threads.
  static func share(_ count: Int, _ body: (_ elements: Range<Int>) -> Void) {
    require(count % 8 == 0, "\(count) floats are no whole number of channel blocks")
    parallel((count + chunkElements - 1) / chunkElements) { chunk in
      body(chunk * chunkElements..<min(count, (chunk + 1) * chunkElements))
    }
  }

  /// y = max(x, 0); y may be x.
  static func relu(_ x: Elements, _ y: Elements, count: Int) {
    share(count) { elements in
      forEachGroup(in: elements) { element, width in y.store(x.lanes(element, width).rectified, element, width) }
    }
  }

  /// y = x, from one precision to another; `count` is a multiple of sixteen where one of them is bfloat16.
  static func copy(_ x: Elements, _ y: Elements, count: Int) {
    share(count) { elements in
      forEachGroup(in: elements) { element, width in y.store(x.lanes(element, width), element, width) }
    }
  }

  /// y = x times the mask's factor where the mask keeps it, else 0.
  ///
  /// y may be x.
  static func mask(_ x: Elements, _ y: Elements, _ mask: DropMask, count: Int) {
    gradient(IncomingGradient(x, mask: mask), y, count: count)
  }

  /// dx = the incoming gradient with its ReLU and mask undone; dx may be one of its buffers.
  static func gradient(_ gradient: IncomingGradient, _ dx: Elements, count: Int) {
    let factor = gradient.factor
    share(count) { elements in
      forEachGroup(in: elements) { element, width in
        dx.store(gradient.lanes(element, width) * factor, element, width)
      }
    }
  }

  /// y = the sum of addends, in their order; y may be any of them.
  static func sum(_ addends: [Elements], to y: Elements, count: Int) {
    addends.withUnsafeBufferPointer { addends in
      share(count) { elements in
        forEachGroup(in: elements) { element, width in
          var sum = addends[0].lanes(element, width)
          for addend in addends.dropFirst() { sum += addend.lanes(element, width) }
          y.store(sum, element, width)
        }
      }
    }
  }

  /// Sets all elements to zero.
  static func clear(_ a: Elements, count: Int) {
    share(count) { elements in
      forEachGroup(in: elements) { element, width in a.store(Lanes(), element, width) }
    }
  }
}

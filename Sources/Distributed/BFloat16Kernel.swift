import CLanes
import Tensors

/// Passes over bfloat16 numbers, sixteen at a time as floats, rounded to nearest, ties to even.
enum BFloat16Kernel {
  /// Numbers that a thread takes at a time.
  private static let chunkElements = 1 << 15

  private static func share(_ count: Int, _ body: (Range<Int>) -> Void) {
    parallel((count + chunkElements - 1) / chunkElements) { chunk in
      body(chunk * chunkElements..<min(count, (chunk + 1) * chunkElements))
    }
  }

  /// Rounds floats, and fills the rest of the memory with zeros.
  static func pack(
    _ floats: UnsafePointer<Float>, count: Int, into halves: UnsafeMutablePointer<UInt16>, capacity: Int
  ) {
    share(count) { elements in
      var element = elements.lowerBound
      while element &+ 16 <= elements.upperBound {
        shim_bfloat16_store(
          halves + element, UnsafeRawPointer(floats + element).loadUnaligned(as: SIMD16<Float>.self))
        element &+= 16
      }
      if element < elements.upperBound {
        var rest = SIMD16<Float>()
        for lane in 0..<elements.upperBound - element { rest[lane] = floats[element + lane] }
        // The memory behind the last number belongs to its share: shares are whole groups.
        shim_bfloat16_store(halves + element, rest)
      }
    }
    let packed = (count + 15) / 16 * 16
    if packed < capacity { (halves + packed).update(repeating: 0, count: capacity - packed) }
  }

  /// The numbers as floats.
  static func unpack(_ halves: UnsafePointer<UInt16>, into floats: UnsafeMutablePointer<Float>, count: Int) {
    share(count) { elements in
      var element = elements.lowerBound
      while element &+ 16 <= elements.upperBound {
        UnsafeMutableRawPointer(floats + element).storeBytes(
          of: shim_bfloat16_load(halves + element), as: SIMD16<Float>.self)
        element &+= 16
      }
      let rest = shim_bfloat16_load(halves + element)
      for lane in 0..<elements.upperBound - element { floats[element + lane] = rest[lane] }
    }
  }

  /// Adds as floats in the order given and rounds once.
  ///
  /// `sum` may be one of the addends; `count` is a multiple of 16.
  static func sum(_ addends: [UnsafeMutablePointer<UInt16>], into sum: UnsafeMutablePointer<UInt16>, count: Int) {
    addends.withUnsafeBufferPointer { addends in
      share(count) { elements in
        var element = elements.lowerBound
        while element < elements.upperBound {
          var total = SIMD16<Float>()
          for addend in addends { total += shim_bfloat16_load(addend + element) }
          shim_bfloat16_store(sum + element, total)
          element &+= 16
        }
      }
    }
  }
}

import CLanes
import Tensors

/// Activations in memory, read and written sixteen at a time as floats whatever they are stored as.
///
/// The precision is the same for a whole pass, so that the branch on it is always predicted: a pass is bound by memory.
/// bfloat16 comes with blocks of 16 channels only, where every group is whole.
struct Elements {
  let base: UnsafeMutableRawPointer
  let precision: Precision

  init(_ base: UnsafeMutableRawPointer, _ precision: Precision) { (self.base, self.precision) = (base, precision) }

  /// Activations in single precision.
  init(_ floats: UnsafeMutablePointer<Float>) { self.init(UnsafeMutableRawPointer(floats), .f32) }

  /// The group that starts at an element; no alignment is assumed.
  @inline(__always)
  func lanes(_ element: Int, _ width: GroupWidth = .whole) -> Lanes {
    switch precision {
    case .f32: UnsafePointer(base.assumingMemoryBound(to: Float.self)).lanes(element, width)
    case .bf16: shim_bfloat16_load(base + 2 &* element)
    }
  }

  /// Writes a group from an element on.
  @inline(__always)
  func store(_ lanes: Lanes, _ element: Int, _ width: GroupWidth = .whole) {
    switch precision {
    case .f32: base.assumingMemoryBound(to: Float.self).store(lanes, element, width)
    case .bf16: shim_bfloat16_store(base + 2 &* element, lanes)
    }
  }

  /// The activations from an element on.
  @inline(__always)
  static func + (elements: Elements, offset: Int) -> Elements {
    Elements(elements.base + elements.precision.byteCount &* offset, elements.precision)
  }

  /// One element, for the few that are looked at alone.
  subscript(element: Int) -> Float {
    get {
      switch precision {
      case .f32: base.assumingMemoryBound(to: Float.self)[element]
      case .bf16: Float(bitPattern: UInt32(base.assumingMemoryBound(to: UInt16.self)[element]) << 16)
      }
    }
    nonmutating set {
      switch precision {
      case .f32: base.assumingMemoryBound(to: Float.self)[element] = newValue
      case .bf16:
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 32) { rounded in
          guard let address = rounded.baseAddress else { return }
          shim_bfloat16_store(address, Lanes(repeating: newValue))
          base.assumingMemoryBound(to: UInt16.self)[element] = address.load(as: UInt16.self)
        }
      }
    }
  }

  /// Four elements that lie together, such as a box.
  func quad(_ element: Int) -> SIMD4<Float> {
    SIMD4(self[element], self[element + 1], self[element + 2], self[element + 3])
  }

  /// Writes four elements that lie together.
  func storeQuad(_ quad: SIMD4<Float>, _ element: Int) {
    for lane in 0..<4 { self[element + lane] = quad[lane] }
  }
}

/// Activations that need not be there, as a kernel keeps them: Swift 6.0 calls a function for each use of a stored optional
/// structure, while the optional that is made at its use stays in registers.
struct OptionalElements {
  private let base: UnsafeMutableRawPointer?
  private let precision: Precision

  init(_ elements: Elements?) { (base, precision) = (elements?.base, elements?.precision ?? .f32) }

  /// The activations, if there are any.
  @inline(__always)
  var value: Elements? { base.map { Elements($0, precision) } }
}

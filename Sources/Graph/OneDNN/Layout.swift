import COneDNN
import Tensors

/// The order and type of a tensor in memory, as oneDNN describes it, padding included.
///
/// One owner of one description; equal layouts hold equal tensors in equal bytes.
final class Layout: Equatable {
  /// How the channels of an activation lie.
  enum Order {
    /// Row-major, the canonical order of checkpoints.
    case plain
    /// nChw{b}c with the given channel block, 8 or 16.
    case blocked(Int)
    /// The channels of a pixel side by side.
    case channelsLast
    /// A weight in square blocks of 8 or 16 channels, OIhw{b}i{b}o: rows of a block are input channels.
    case blockedWeight(Int)
    /// A weight in blocks of 8 or 16 output channels, Oihw{b}o, as plain images want it.
    case blockedOutputs(Int)
    /// A weight of groups of one channel in blocks of 8 or 16 groups, Goihw{b}g.
    case blockedGroups(Int)
    /// Whatever the primitive likes best.
    case any
  }

  let handle: UnsafeMutablePointer<shim_layout>

  /// Takes over a description made by the shim.
  init(owning handle: UnsafeMutablePointer<shim_layout>) { self.handle = handle }

  /// The layout of extents, such as (N, C, H, W), (O, I, H, W), (G, O, I, H, W) of groups, or (C).
  convenience init(_ extents: [Int], _ order: Order, _ precision: Precision = .f32) {
    let kind: Int
    switch order {
    case .plain: kind = shim_plain
    case .blocked(let block):
      require(block == 8 || block == 16, "no layout with channel blocks of \(block)")
      kind = block == 16 ? shim_blocked16 : shim_blocked8
    case .channelsLast: kind = shim_channels_last
    case .blockedWeight(let block): kind = block == 16 ? shim_weight_blocked16 : shim_weight_blocked8
    case .blockedOutputs(let block): kind = block == 16 ? shim_outputs_blocked16 : shim_outputs_blocked8
    case .blockedGroups(let block): kind = block == 16 ? shim_groups_blocked16 : shim_groups_blocked8
    case .any: kind = shim_any
    }
    let handle = shim_layout_create(
      Int32(extents.count), extents.map(dnnl_dim_t.init), Int32(kind), precision == .bf16 ? 1 : 0)
    guard let handle else { fatalError("oneDNN has no layout for extents \(extents)") }
    self.init(owning: handle)
  }

  /// The layout of an activation or weight of a shape.
  convenience init(_ shape: Shape, _ order: Order, _ precision: Precision = .f32) {
    self.init([shape.n, shape.c, shape.h, shape.w], order, precision)
  }

  deinit { shim_layout_destroy(handle) }

  /// The canonical row-major layout of the same extents, in floats.
  var plain: Layout {
    let extents = (0..<shim_layout_rank(handle)).map { Int(shim_layout_extent(handle, $0)) }
    return Layout(extents, .plain)
  }

  /// Bytes of the tensor, padding included.
  var byteCount: Int { shim_layout_bytes(handle) }

  static func == (a: Layout, b: Layout) -> Bool { shim_layout_equal(a.handle, b.handle) != 0 }
}

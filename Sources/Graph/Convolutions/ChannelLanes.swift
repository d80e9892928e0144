import Tensors

/// Sixteen channels of a pixel: one block of 16, or two blocks of 8 that lie apart.
protocol ChannelLanes {
  /// Channels of a block.
  static var channelBlock: Int { get }
  /// The channels at an element of an activation; the second block lies `distance` elements behind the first one.
  static func load(_ elements: Elements, _ element: Int, _ distance: Int) -> Lanes
  /// Writes the channels of a pixel.
  static func store(_ lanes: Lanes, _ elements: Elements, _ element: Int, _ distance: Int)
}

extension ChannelLanes {
  /// Groups of sixteen channels, the last one possibly of one block of 8.
  static func groups(ofBlocks blocks: Int) -> Int { (blocks * channelBlock + 15) / 16 }

  /// The first block of a group.
  @inline(__always)
  static func block(ofGroup group: Int) -> Int { group &* (16 / channelBlock) }

  /// From the first block of a group to its second one: nothing where there is none, so that it is the first one again.
  @inline(__always)
  static func distance(ofGroup group: Int, blocks: Int, plane: Int) -> Int {
    channelBlock == 8 && 2 &* group &+ 1 < blocks ? plane : 0
  }
}

/// Two blocks of 8 channels, of floats.
enum LanesOf8: ChannelLanes {
  static var channelBlock: Int { 8 }

  @inline(__always)
  static func load(_ elements: Elements, _ element: Int, _ distance: Int) -> Lanes {
    let first = elements.base + 4 &* element
    return Lanes(
      lowHalf: first.loadUnaligned(as: SIMD8<Float>.self),
      highHalf: (first + 4 &* distance).loadUnaligned(as: SIMD8<Float>.self))
  }

  @inline(__always)
  static func store(_ lanes: Lanes, _ elements: Elements, _ element: Int, _ distance: Int) {
    let first = elements.base + 4 &* element
    (first + 4 &* distance).storeBytes(of: lanes.highHalf, as: SIMD8<Float>.self)
    first.storeBytes(of: lanes.lowHalf, as: SIMD8<Float>.self)
  }
}

/// One block of 16 channels.
enum LanesOf16: ChannelLanes {
  static var channelBlock: Int { 16 }

  @inline(__always)
  static func load(_ elements: Elements, _ element: Int, _ distance: Int) -> Lanes { elements.lanes(element) }

  @inline(__always)
  static func store(_ lanes: Lanes, _ elements: Elements, _ element: Int, _ distance: Int) {
    elements.store(lanes, element)
  }
}

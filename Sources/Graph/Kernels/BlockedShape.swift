import Tensors

/// A tensor in blocked layout: N images of C channels, H rows and W columns, `channelBlock` (b) channels to a pixel.
///
/// Element (n, c, y, x) lies at ((n * channelBlocks + c / b) * H*W + y*W + x) * b + c % b. Channels from C up to the
/// next multiple of b are padding and hold zeros; every kernel keeps them so.
struct BlockedShape: Hashable, Sendable {
  let n: Int
  let c: Int
  let h: Int
  let w: Int
  /// Channels that lie together: 16 (one AVX-512 register of Float) or 8 (one of AVX2).
  let channelBlock: Int

  init(n: Int, c: Int, h: Int, w: Int, channelBlock: Int) {
    require(channelBlock == 8 || channelBlock == 16, "channel block \(channelBlock) is neither 8 nor 16")
    (self.n, self.c, self.h, self.w, self.channelBlock) = (n, c, h, w, channelBlock)
  }

  init(_ shape: Shape, channelBlock: Int) {
    self.init(n: shape.n, c: shape.c, h: shape.h, w: shape.w, channelBlock: channelBlock)
  }

  /// Pixels of one map.
  var area: Int { h * w }
  /// Blocks of channels, the last one possibly padded.
  var channelBlocks: Int { (c + channelBlock - 1) / channelBlock }
  /// Channels with padding: the length of every per-channel buffer.
  var paddedChannels: Int { channelBlocks * channelBlock }
  /// Floats of one plane, the pixels of one image in one channel block.
  var planeElements: Int { area * channelBlock }
  /// Planes, one for each image and channel block.
  var planes: Int { n * channelBlocks }
  /// Floats of the whole tensor with padding.
  var count: Int { planes * planeElements }
  /// Elements of one channel over all images.
  var elementsPerChannel: Int { n * area }

  /// Lanes of a channel block that are channels, not padding.
  func channels(ofBlock block: Int) -> Int { min(channelBlock, c - block * channelBlock) }
}

/// A run of pixels inside one plane: the unit of work of the kernels that know their channel.
struct PlaneSegment {
  /// The image.
  let image: Int
  /// The channel block.
  let block: Int
  /// The elements, counted from the start of the tensor.
  let elements: Range<Int>
}

extension BlockedShape {
  /// Floats of a full segment: 64 KiB, a multiple of every group.
  static let segmentElements = 1 << 14

  /// Segments of one plane; it depends on the shape alone, so that sums never depend on the threads.
  var segmentsPerPlane: Int { max(1, (planeElements + Self.segmentElements - 1) / Self.segmentElements) }

  /// The segment with this index; memory order is index order.
  func segment(_ index: Int) -> PlaneSegment {
    let (plane, part) = index.quotientAndRemainder(dividingBy: segmentsPerPlane)
    let start = plane * planeElements + part * Self.segmentElements
    return PlaneSegment(
      image: plane / channelBlocks, block: plane % channelBlocks,
      elements: start..<min(start + Self.segmentElements, (plane + 1) * planeElements))
  }
}

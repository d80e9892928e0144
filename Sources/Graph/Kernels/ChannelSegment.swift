import Tensors

/// Pixels of one channel block: a part of a large plane, or the same small plane of several images.
///
/// The unit of work of kernels that treat all images alike. A plane of one pixel is sixteen floats, less work than
/// it is to find it.
struct ChannelSegment {
  /// The channel block.
  let block: Int
  /// The elements of the first image, counted from the start of the tensor.
  let elements: Range<Int>
  /// Images, from that one on.
  let images: Int
  /// Elements from an image to the next one.
  let imageElements: Int

  /// A part of the elements, in an image counted from the first one.
  @inline(__always)
  func elements(_ part: Range<Int>, image: Int) -> Range<Int> {
    part.lowerBound &+ image &* imageElements..<part.upperBound &+ image &* imageElements
  }
}

/// Runs `body` on the groups of a segment, in order.
@inline(__always)
func forEachGroup(in segment: ChannelSegment, _ body: (_ element: Int, _ width: GroupWidth) -> Void) {
  for image in 0..<segment.images { forEachGroup(in: segment.elements(segment.elements, image: image), body) }
}

extension BlockedShape {
  /// Images of a full segment; it depends on the shape alone, so that sums never depend on the threads.
  ///
  /// Small planes of up to 4,096 elements together, if they are very small: from 4x4 pixels on, walking through memory in
  /// order is worth more than fewer segments.
  private var imagesPerSegment: Int { planeElements <= 128 ? max(1, min(n, 4096 / max(1, planeElements))) : 1 }

  /// Runs of images that a segment takes together.
  private var imageRuns: Int { (n + imagesPerSegment - 1) / imagesPerSegment }

  /// Segments of one channel block.
  var segmentsPerBlock: Int { imageRuns * segmentsPerPlane }

  /// A part of a plane of a channel block, of as many images as a segment takes together.
  fileprivate func channelSegment(run: Int, block: Int, part: Int) -> ChannelSegment {
    let image = run * imagesPerSegment
    let plane = (image * channelBlocks + block) * planeElements
    let start = plane + part * Self.segmentElements
    return ChannelSegment(
      block: block, elements: start..<min(start + Self.segmentElements, plane + planeElements),
      images: min(imagesPerSegment, n - image), imageElements: channelBlocks * planeElements)
  }
}

/// Neighbouring channel blocks of a tensor, which a kernel treats in all images.
///
/// A batch normalisation reads its input twice, for the statistics of each channel and to apply them. Where it does both for a
/// run that the caches hold before it goes on to the next one, the second reading does not come from memory.
struct ChannelRun: Hashable, Sendable {
  let shape: BlockedShape
  let blocks: Range<Int>

  /// Channels of a block.
  var channelBlock: Int { shape.channelBlock }

  /// The channels with padding.
  var paddedChannels: Range<Int> { blocks.lowerBound * channelBlock..<blocks.upperBound * channelBlock }

  /// The channels without padding.
  var channels: Range<Int> { paddedChannels.clamped(to: 0..<shape.c) }

  /// The padding behind the channels.
  var padding: Range<Int> { paddedChannels.clamped(to: shape.c..<max(shape.c, paddedChannels.upperBound)) }

  /// Segments of the run.
  var segments: Int { blocks.count * shape.segmentsPerBlock }

  /// The index of a block's segment, counted within the block.
  func index(ofSegment segment: Int, block: Int) -> Int {
    let (run, part) = segment.quotientAndRemainder(dividingBy: shape.segmentsPerPlane)
    return (run * blocks.count + block - blocks.lowerBound) * shape.segmentsPerPlane + part
  }

  /// The segment with this index; with one image a segment, memory order is index order.
  func segment(_ index: Int) -> ChannelSegment {
    let (position, part) = index.quotientAndRemainder(dividingBy: shape.segmentsPerPlane)
    let (run, block) = position.quotientAndRemainder(dividingBy: blocks.count)
    return shape.channelSegment(run: run, block: blocks.lowerBound + block, part: part)
  }

  /// Runs `body` on every segment, shared among the threads.
  func forEachSegment(_ body: (ChannelSegment) -> Void) {
    parallel(segments) { body(segment($0)) }
  }
}

extension BlockedShape {
  /// All channels at once.
  var whole: ChannelRun { ChannelRun(shape: self, blocks: 0..<channelBlocks) }

  /// All channels in runs whose floats take up about a megabyte a thread, at least one block each.
  var cachedRuns: [ChannelRun] {
    let budget = ThreadPool.threadCount << 20
    let length = max(1, budget / max(1, 4 * n * planeElements))
    return stride(from: 0, to: channelBlocks, by: length).map {
      ChannelRun(shape: self, blocks: $0..<min($0 + length, channelBlocks))
    }
  }
}

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

  /// Segments of the tensor.
  var channelSegments: Int { channelBlocks * segmentsPerBlock }

  /// The index of a block's segment, counted within the block.
  func index(ofSegment segment: Int, block: Int) -> Int {
    let (run, part) = segment.quotientAndRemainder(dividingBy: segmentsPerPlane)
    return (run * channelBlocks + block) * segmentsPerPlane + part
  }

  /// The segment with this index; with one image a segment, memory order is index order.
  func channelSegment(_ index: Int) -> ChannelSegment {
    let (position, part) = index.quotientAndRemainder(dividingBy: segmentsPerPlane)
    let (run, block) = position.quotientAndRemainder(dividingBy: channelBlocks)
    let image = run * imagesPerSegment
    let plane = (image * channelBlocks + block) * planeElements
    let start = plane + part * Self.segmentElements
    return ChannelSegment(
      block: block, elements: start..<min(start + Self.segmentElements, plane + planeElements),
      images: min(imagesPerSegment, n - image), imageElements: channelBlocks * planeElements)
  }

  /// Runs `body` on every segment, shared among the threads.
  func forEachSegment(_ body: (ChannelSegment) -> Void) {
    parallel(channelSegments) { body(channelSegment($0)) }
  }
}

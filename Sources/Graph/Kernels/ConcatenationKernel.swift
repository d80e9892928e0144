import Tensors

/// Copies between maps and their places among the channels of one map.
///
/// An image of a part is one run of memory in the whole as well, because parts start at whole channel blocks.
struct ConcatenationKernel {
  private let images: Int
  /// Elements of an image of the whole.
  private let imageElements: Int
  /// The elements of an image of each part, counted from the start of the image in the whole.
  private let places: [Range<Int>]

  /// The parts, in the order of their channels; they differ in nothing else.
  init(_ parts: [BlockedShape]) {
    images = parts[0].n
    var end = 0
    var places: [Range<Int>] = []
    for part in parts {
      let count = part.channelBlocks * part.planeElements
      places.append(end..<end + count)
      end += count
    }
    (imageElements, self.places) = (end, places)
  }

  /// Writes a part to its place in the whole.
  func write(_ part: Int, _ x: Elements, _ whole: Elements) {
    forEachRun(part) { own, place, count in
      let (from, to) = (x + own, whole + place)
      to.base.copyMemory(from: from.base, byteCount: count * x.precision.byteCount)
    }
  }

  /// Writes the gradient of a part, given that of the whole.
  func read(_ part: Int, _ gradient: IncomingGradient, _ dx: Elements) {
    forEachRun(part) { own, place, count in
      if !gradient.isSum {
        let (from, to) = (gradient.first + place, dx + own)
        to.base.copyMemory(from: from.base, byteCount: count * dx.precision.byteCount)
        return
      }
      let target = dx + (own - place)
      @inline(__always)
      func add(_ element: Int, _ width: GroupWidth) { target.store(gradient.sumLanes(element, width), element, width) }
      forEachGroup(in: place..<place + count, add)
    }
  }

  /// Runs `body` on the runs of a part, shared among the threads: the first element of the part and that of the whole.
  private func forEachRun(_ part: Int, _ body: (_ own: Int, _ place: Int, _ count: Int) -> Void) {
    let (count, start) = (places[part].count, places[part].lowerBound)
    parallel(images) { image in body(image * count, image * imageElements + start, count) }
  }
}

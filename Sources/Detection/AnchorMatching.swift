import Tensors

/// Which anchors answer for which objects of one image; every anchor not listed is background.
public struct AnchorMatches: Sendable {
  /// An anchor and the object it is to find.
  public struct Match: Hashable, Sendable {
    /// The index of the anchor.
    public var anchor: Int
    /// The position of the object in the list of boxes.
    public var object: Int
  }

  /// The positive anchors, by ascending index.
  public var positives: [Match] = []
  /// Anchors that are neither positive nor background, by ascending index.
  public var ignored: [Int] = []
}

extension Anchors {
  /// The overlap from which an anchor is positive.
  static let positiveThreshold: Float = 0.5
  /// The overlap below which torchvision calls an anchor background.
  static let torchvisionNegativeThreshold: Float = 0.4

  /// Assigns every anchor to an object, to the background, or to neither.
  ///
  /// `boxes` lie in the coordinates of the padded image. An image without boxes has background only.
  ///
  /// - Paper: overlap of at least 0.5 with the best object (the first on ties) is positive, anything less is
  ///   background. Each object also takes the first anchor of its best overlap, however low (anchor 0 if it overlaps
  ///   none); of two objects that take the same anchor the first keeps it.
  /// - torchvision: at least 0.5 is positive, below 0.4 background, between ignored. All anchors that tie an object's
  ///   best overlap become positive for *their own* best object; an object that overlaps no anchor thus makes
  ///   every anchor positive.
  ///
  /// Single-threaded; only the anchors near a box are visited.
  public func matches(to boxes: [Box]) -> AnchorMatches {
    if boxes.isEmpty { return AnchorMatches() }
    var overlaps = [Float](repeating: 0, count: count + Self.padding)
    var objects = [Int32](repeating: 0, count: count + Self.padding)
    withCorners { corners in
      overlaps.withUnsafeMutableBytes { overlaps in
        objects.withUnsafeMutableBytes { objects in
          var best: [BestAnchors] = []
          best.reserveCapacity(boxes.count)
          for (index, box) in boxes.enumerated() {
            best.append(visit(box, object: Int32(index), corners, overlaps, objects))
          }
          force(best, boxes, corners, overlaps.assumingMemoryBound(to: Float.self), objects)
        }
      }
    }
    return collect(overlaps, objects)
  }

  /// Vector access to the corners; the closure's pointers end with it.
  private func withCorners(_ body: (Corners) -> Void) {
    x1.withUnsafeBytes { x1 in
      y1.withUnsafeBytes { y1 in
        x2.withUnsafeBytes { x2 in
          y2.withUnsafeBytes { y2 in
            areas.withUnsafeBytes { areas in
              body(Corners(x1: x1, y1: y1, x2: x2, y2: y2, areas: areas))
            }
          }
        }
      }
    }
  }

  /// Raises the best overlap of the anchors near a box, and returns the anchors that fit the box best.
  private func visit(
    _ box: Box, object: Int32, _ corners: Corners, _ overlaps: UnsafeMutableRawBufferPointer,
    _ objects: UnsafeMutableRawBufferPointer
  ) -> BestAnchors {
    let target = Target(box)
    var laneBest = SIMD16<Float>()
    var laneFirst = SIMD16<Int32>()
    var laneLast = SIMD16<Int32>()
    let lanes = SIMD16<Int32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    for level in levels {
      let rows = level.range(of: level.height, stride: level.strideY, from: box.y1, to: box.y2)
      let columns = level.range(of: level.width, stride: level.strideX, from: box.x1, to: box.x2)
      if columns.isEmpty { continue }
      for row in rows {
        let first = level.firstAnchor + (row * level.width + columns.lowerBound) * Self.perLocation
        let end = first + columns.count * Self.perLocation
        // The last vector may run into the anchors after the row's end: they are anchors all the same, and the
        // starts of the vectors ascend, so "first" and "last" of each lane stay true.
        for start in stride(from: first, to: end, by: 16) {
          let overlap = corners.overlap(at: start, with: target)
          let bytes = start * 4
          let known = overlaps.loadUnaligned(fromByteOffset: bytes, as: SIMD16<Float>.self)
          let raised = overlap .> known
          overlaps.storeBytes(
            of: known.replacing(with: overlap, where: raised), toByteOffset: bytes, as: SIMD16<Float>.self)
          let owner = objects.loadUnaligned(fromByteOffset: bytes, as: SIMD16<Int32>.self)
          objects.storeBytes(
            of: owner.replacing(with: object, where: raised), toByteOffset: bytes, as: SIMD16<Int32>.self)
          let indices = lanes &+ Int32(start)
          laneFirst.replace(with: indices, where: overlap .> laneBest)
          laneLast.replace(with: indices, where: overlap .>= laneBest)
          laneBest.replace(with: overlap, where: overlap .> laneBest)
        }
      }
    }
    var best = BestAnchors(overlap: 0, first: 0, last: 0)
    for lane in 0..<16 where laneBest[lane] > 0 {
      if laneBest[lane] > best.overlap {
        best = BestAnchors(overlap: laneBest[lane], first: Int(laneFirst[lane]), last: Int(laneLast[lane]))
      } else if laneBest[lane] == best.overlap {
        best.first = min(best.first, Int(laneFirst[lane]))
        best.last = max(best.last, Int(laneLast[lane]))
      }
    }
    return best
  }

  /// Marks the anchors that are positive for fitting an object best, by an overlap above any threshold.
  private func force(
    _ best: [BestAnchors], _ boxes: [Box], _ corners: Corners, _ overlaps: UnsafeMutableBufferPointer<Float>,
    _ objects: UnsafeMutableRawBufferPointer
  ) {
    let forced: Float = 2
    switch form {
    case .paper:
      for object in boxes.indices.reversed() {
        overlaps[best[object].first] = forced
        objects.storeBytes(of: Int32(object), toByteOffset: best[object].first * 4, as: Int32.self)
      }
    case .torchvision:
      // An anchor that ties a best overlap of 0.5 or more is positive already, for its own best object.
      for object in boxes.indices where best[object].overlap < Self.positiveThreshold {
        if best[object].overlap == 0 {
          overlaps.update(repeating: forced)
          return
        }
        let target = Target(boxes[object])
        for start in stride(from: best[object].first, through: best[object].last, by: 16) {
          let overlap = corners.overlap(at: start, with: target)
          for lane in 0..<16 where overlap[lane] == best[object].overlap { overlaps[start + lane] = forced }
        }
      }
    }
  }

  /// Sorts the anchors into positive and ignored by their best overlap.
  private func collect(_ overlaps: [Float], _ objects: [Int32]) -> AnchorMatches {
    let lowest =
      switch form {
      case .paper: Self.positiveThreshold
      case .torchvision: Self.torchvisionNegativeThreshold
      }
    var matches = AnchorMatches()
    overlaps.withUnsafeBufferPointer { overlaps in
      for anchor in 0..<count where overlaps[anchor] >= lowest {
        if overlaps[anchor] >= Self.positiveThreshold {
          matches.positives.append(AnchorMatches.Match(anchor: anchor, object: Int(objects[anchor])))
        } else {
          matches.ignored.append(anchor)
        }
      }
    }
    return matches
  }
}

extension Anchors.Level {
  /// The rows (or columns) whose anchors may overlap an interval of pixels, one more on either side for rounding.
  fileprivate func range(of count: Int, stride: Double, from low: Float, to high: Float) -> Range<Int> {
    let first = ((Double(low) - reach - offset) / stride).rounded(.down)
    let last = ((Double(high) + reach - offset) / stride).rounded(.up)
    // Clamped as numbers: a box may lie anywhere, also beyond what an integer holds.
    let lower = Int(min(max(first, 0), Double(count)))
    let upper = Int(min(max(last + 1, 0), Double(count)))
    return lower..<max(lower, upper)
  }
}

/// The best overlap that any anchor has with an object, and the first and last anchor that reach it.
private struct BestAnchors {
  var overlap: Float
  var first: Int
  var last: Int
}

/// A box with its corners and area in every lane.
private struct Target {
  let x1, y1, x2, y2, area: SIMD16<Float>

  init(_ box: Box) {
    x1 = SIMD16(repeating: box.x1)
    y1 = SIMD16(repeating: box.y1)
    x2 = SIMD16(repeating: box.x2)
    y2 = SIMD16(repeating: box.y2)
    area = SIMD16(repeating: box.area)
  }
}

/// The anchors' corners as arrays, for vector loads.
private struct Corners {
  let x1, y1, x2, y2, areas: UnsafeRawBufferPointer

  /// The overlap of 16 neighbouring anchors with a box, in the operations and order of both reference codes.
  @inline(__always)
  func overlap(at start: Int, with target: Target) -> SIMD16<Float> {
    let bytes = start * 4
    let left = larger(x1.loadUnaligned(fromByteOffset: bytes, as: SIMD16<Float>.self), target.x1)
    let top = larger(y1.loadUnaligned(fromByteOffset: bytes, as: SIMD16<Float>.self), target.y1)
    let right = smaller(x2.loadUnaligned(fromByteOffset: bytes, as: SIMD16<Float>.self), target.x2)
    let bottom = smaller(y2.loadUnaligned(fromByteOffset: bytes, as: SIMD16<Float>.self), target.y2)
    let shared = larger(right - left, SIMD16()) * larger(bottom - top, SIMD16())
    return shared / (target.area + areas.loadUnaligned(fromByteOffset: bytes, as: SIMD16<Float>.self) - shared)
  }
}

// The standard library's `pointwiseMin` and `pointwiseMax` work lane by lane; these are one compare and one blend.

@inline(__always)
private func larger(_ a: SIMD16<Float>, _ b: SIMD16<Float>) -> SIMD16<Float> { a.replacing(with: b, where: b .> a) }

@inline(__always)
private func smaller(_ a: SIMD16<Float>, _ b: SIMD16<Float>) -> SIMD16<Float> { a.replacing(with: b, where: b .< a) }

/// What became of a detection in each area range, a bit for each overlap threshold.
struct COCOOutcome {
  /// Overlaps at which it found an object, by area range.
  var matched = SIMD4<UInt16>()
  /// Overlaps at which it does not count, by area range.
  var ignored = SIMD4<UInt16>()
}

/// An object of one image and category with what matching needs.
struct COCOObject {
  var box: SIMD4<Double>
  var area: Double
  var isCrowd: Bool
  /// Whether a detection that takes this object counts as matched: the reference stores the object's id as the mark and
  /// reads 0 as "none", so an object with id 0 is never found.
  var marksMatch: Bool

  init(_ record: COCOGroundTruth) {
    (box, area, isCrowd, marksMatch) = (record.box, record.area, record.isCrowd, record.id != 0)
  }

  /// Whether the object does not count in an area range.
  func isIgnored(in range: Int) -> Bool {
    isCrowd || area < COCOProtocol.areas[range].lowest || area > COCOProtocol.areas[range].highest
  }
}

/// Matches the detections of one image and category with its objects, and hands out each detection's outcome.
///
/// `boxes` are the detections best first, at most 100. For each area range and overlap every detection in turn takes the
/// free object that it overlaps most (the last of equals), counting objects before ignored ones; crowds never fill up.
func match(
  _ boxes: some RandomAccessCollection<SIMD4<Double>>, _ objects: [COCOObject],
  _ body: (_ detection: Int, COCOOutcome) -> Void
) {
  let orders = objects.isEmpty ? [] : COCOProtocol.areas.indices.map { ObjectOrder(objects, range: $0) }
  // The overlaps at which an object is taken already, a bit each, by object and area range.
  var taken = [SIMD4<UInt16>](repeating: SIMD4(), count: objects.count)
  var overlaps = [Double](repeating: 0, count: objects.count)
  for (detection, box) in boxes.enumerated() {
    var outcome = COCOOutcome()
    var best = 0.0
    for (number, object) in objects.enumerated() {
      overlaps[number] = overlap(box, object)
      best = max(best, overlaps[number])
    }
    if best >= COCOProtocol.overlaps[0] {
      for (range, order) in orders.enumerated() {
        for (number, threshold) in COCOProtocol.overlaps.enumerated() where best >= threshold {
          let bit: UInt16 = 1 << UInt16(number)
          var found = -1
          var highest = threshold
          for object in order.sequence {
            if taken[object][range] & bit != 0 && !objects[object].isCrowd { continue }
            if found >= 0 && !order.isIgnored[found] && order.isIgnored[object] { break }
            if overlaps[object] < highest { continue }
            highest = overlaps[object]
            found = object
          }
          if found < 0 { continue }
          taken[found][range] |= bit
          if objects[found].marksMatch { outcome.matched[range] |= bit }
          if order.isIgnored[found] { outcome.ignored[range] |= bit }
        }
      }
    }
    for range in 0..<4 where isOutside(box, range) {
      outcome.ignored[range] |= ~outcome.matched[range] & COCOProtocol.allOverlaps
    }
    body(detection, outcome)
  }
}

/// The objects of an image as an area range sees them.
private struct ObjectOrder {
  /// Whether each object does not count.
  var isIgnored: [Bool]
  /// The objects that count, then those that do not, each in their own order.
  var sequence: [Int]

  init(_ objects: [COCOObject], range: Int) {
    let isIgnored = objects.map { $0.isIgnored(in: range) }
    sequence = objects.indices.filter { !isIgnored[$0] } + objects.indices.filter { isIgnored[$0] }
    self.isIgnored = isIgnored
  }
}

/// Whether a detection's own area lies outside an area range.
private func isOutside(_ box: SIMD4<Double>, _ range: Int) -> Bool {
  let area = box[2] * box[3]
  return area < COCOProtocol.areas[range].lowest || area > COCOProtocol.areas[range].highest
}

/// Shared area over covered area; over the detection's own area where the object is a crowd.
func overlap(_ box: SIMD4<Double>, _ object: COCOObject) -> Double {
  let other = object.box
  let width = min(box[2] + box[0], other[2] + other[0]) - max(box[0], other[0])
  if width <= 0 { return 0 }
  let height = min(box[3] + box[1], other[3] + other[1]) - max(box[1], other[1])
  if height <= 0 { return 0 }
  let shared = width * height
  let area = box[2] * box[3]
  return shared / (object.isCrowd ? area : area + other[2] * other[3] - shared)
}

/// The detections of one category that count, best first, and the same by image.
struct COCORanking {
  /// The detections of one image.
  struct Group {
    var image: Int32
    /// Their places in `members`.
    var members: Range<Int>
  }

  /// Positions in the list of results, by descending score; of equal scores by image, then in the list's order.
  private(set) var results: [Int32] = []
  /// The place of each among the detections of its image, 0..<100.
  private(set) var ranks: [Int32] = []
  /// Places in `results`, image after image, best first within an image.
  private(set) var members: [Int32]
  /// The images that have detections, ascending.
  private(set) var groups: [Group] = []

  /// Sorts the detections of a category and keeps the 100 best of each image.
  init(_ all: [COCOResult], _ grouping: COCOGrouping, category: Int) {
    let range = grouping.range(ofCategory: category)
    // The grouping is by image and then in the list's order, so a stable sort by score leaves equals in that order.
    var keys = range.map {
      (key: Self.sortKey(all[Int(grouping.order[$0])].score), place: Int32($0 - range.lowerBound))
    }
    keys.sort { ($0.key, $1.place) > ($1.key, $0.place) }
    var groupOfPlace = [Int32](repeating: 0, count: range.count)
    for (place, image) in grouping.images[range].enumerated() {
      if groups.last?.image != image { groups.append(Group(image: image, members: place..<place)) }
      groupOfPlace[place] = Int32(groups.count - 1)
    }
    members = [Int32](repeating: 0, count: range.count)
    for (_, place) in keys {
      let group = Int(groupOfPlace[Int(place)])
      let (start, end) = (groups[group].members.lowerBound, groups[group].members.upperBound)
      if end - start == COCOProtocol.detectionLimit { continue }
      members[end] = Int32(results.count)
      groups[group].members = start..<end + 1
      ranks.append(Int32(end - start))
      results.append(grouping.order[range.lowerBound + Int(place)])
    }
  }

  /// The bits of a score in a form that sorts as the score does; not-a-number comes last, as numpy sorts it.
  private static func sortKey(_ score: Double) -> UInt64 {
    if score.isNaN { return 0 }
    let bits = (score + 0).bitPattern
    return bits >> 63 == 1 ? ~bits : bits | 1 << 63
  }
}

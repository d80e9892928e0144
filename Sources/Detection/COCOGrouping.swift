/// Records sorted by category and then image, each group in the records' own order.
struct COCOGrouping: Sendable {
  /// Positions of the records that have a known image and category.
  private(set) var order: [Int32] = []
  /// The image number of each record of `order`.
  private(set) var images: [Int32] = []
  private var starts: [Int]

  /// Sorts `count` records by the category and image number that `place` gives; nil leaves a record out.
  init(count: Int, imageCount: Int, categoryCount: Int, place: (Int) -> (category: Int, image: Int)?) {
    var places = [(category: Int32, image: Int32, record: Int32)]()
    places.reserveCapacity(count)
    for record in 0..<count {
      if let (category, image) = place(record) {
        places.append((Int32(category), Int32(image), Int32(record)))
      }
    }
    // Two counting sorts, the lesser key first, each keeping the order of equals.
    let (byImage, _) = Self.counted(places, bins: imageCount) { Int($0.image) }
    let (sorted, starts) = Self.counted(byImage, bins: categoryCount) { Int($0.category) }
    order = sorted.map(\.record)
    images = sorted.map(\.image)
    self.starts = starts
  }

  /// The part of `order` that belongs to a category.
  func range(ofCategory category: Int) -> Range<Int> { starts[category]..<starts[category + 1] }

  private static func counted<Element>(
    _ elements: [Element], bins: Int, bin: (Element) -> Int
  ) -> (sorted: [Element], starts: [Int]) {
    var starts = [Int](repeating: 0, count: bins + 1)
    for element in elements { starts[bin(element) + 1] += 1 }
    for index in 0..<bins { starts[index + 1] += starts[index] }
    var next = starts
    let sorted = [Element](unsafeUninitializedCapacity: elements.count) { buffer, count in
      for element in elements {
        (buffer.baseAddress! + next[bin(element)]).initialize(to: element)
        next[bin(element)] += 1
      }
      count = elements.count
    }
    return (sorted, starts)
  }
}

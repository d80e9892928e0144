/// The best of many (anchor, class) pairs, by logit and then by index, gathered in one pass without sorting all.
///
/// Each pair is one 64-bit key that sorts as the pair does: the logit's bits in an order-keeping form, then the
/// index complemented, so that of equal logits the lower index is the larger key.
struct TopCandidates {
  /// No logit below this can still enter.
  private(set) var floor: Float
  private let limit: Int
  private var keys: [UInt64] = []

  /// Room for the best `limit` pairs with logits of at least `floor`.
  init(limit: Int, floor: Float) {
    (self.limit, self.floor) = (limit, floor)
    keys.reserveCapacity(2 * limit)
  }

  /// Offers a pair.
  mutating func insert(logit: Float, index: Int) {
    let bits = (logit + 0).bitPattern  // the sum turns -0 into +0, which it equals
    let ordered = bits >> 31 == 1 ? ~bits : bits | 0x8000_0000
    keys.append(UInt64(ordered) << 32 | UInt64(~UInt32(index)))
    if keys.count == 2 * limit { compact() }
  }

  /// The pairs kept, best first.
  consuming func sorted() -> [(logit: Float, index: Int)] {
    compact()
    return keys.map { (Self.logit($0), Int(~UInt32(truncatingIfNeeded: $0))) }
  }

  /// Keeps the best `limit` pairs and raises the floor to the worst of them.
  private mutating func compact() {
    keys.sort(by: >)
    if keys.count < limit { return }
    keys.removeLast(keys.count - limit)
    if let worst = keys.last { floor = max(floor, Self.logit(worst)) }
  }

  private static func logit(_ key: UInt64) -> Float {
    let ordered = UInt32(truncatingIfNeeded: key >> 32)
    return Float(bitPattern: ordered >> 31 == 1 ? ordered & 0x7fff_ffff : ~ordered)
  }
}

import Tensors

/// A tile of results: a square of 3 or 4 rows and columns, which may stand over the edge of its map.
struct WinogradTile {
  /// The map among those that share the weight.
  let map: Int
  /// The image.
  let image: Int
  /// The first row and column of results.
  let row: Int
  let column: Int
  /// Rows and columns of results: 3 or 4.
  let rows: Int
  let columns: Int

  /// Tiles of one kind lie together.
  ///
  /// The order of kinds is such that those with the point of 4 rows, of 4 columns and of both are each one run.
  fileprivate var kind: Int {
    switch (rows, columns) {
    case (4, 3): 0
    case (4, 4): 1
    case (3, 4): 2
    default: 3
    }
  }
}

/// Tiles that are transformed and multiplied together, because their transforms fit the caches.
struct WinogradBlock {
  let tiles: [WinogradTile]
  /// Where each kind of tile begins, and the end.
  private let starts: [Int]

  init(_ tiles: ArraySlice<WinogradTile>) {
    let kinds = (0..<4).map { kind in tiles.filter { $0.kind == kind } }
    self.tiles = kinds.flatMap { $0 }
    starts = kinds.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
  }

  /// The tiles that have a point in each direction.
  func tiles(with row: Int, _ column: Int) -> Range<Int> {
    switch (row == WinogradPoints.last, column == WinogradPoints.last) {
    case (false, false): 0..<tiles.count
    case (true, false): 0..<starts[2]
    case (false, true): starts[1]..<starts[3]
    case (true, true): starts[1]..<starts[2]
    }
  }
}

/// How maps that share a weight are cut into tiles.
///
/// A length that 4 does not divide takes tiles of 3 where they save products: 7 is 4 + 3, 10 is 4 + 3 + 3, 5 is 3 + 3.
struct WinogradTiling {
  let tiles: [WinogradTile]

  /// The tiles of maps of results (N, C, H, W), image by image and row by row.
  init(_ maps: [Shape]) {
    tiles = maps.enumerated().flatMap { index, map in
      let (rows, columns) = (Self.spans(map.h), Self.spans(map.w))
      return (0..<map.n).flatMap { image in
        rows.flatMap { row in
          columns.map { column in
            WinogradTile(
              map: index, image: image, row: row.start, column: column.start, rows: row.size, columns: column.size)
          }
        }
      }
    }
  }

  /// The tiles in runs of `count`.
  func blocks(of count: Int) -> [WinogradBlock] {
    stride(from: 0, to: tiles.count, by: count).map { WinogradBlock(tiles[$0..<min($0 + count, tiles.count)]) }
  }

  /// Products of a pair of channels over all tiles.
  var products: Int {
    tiles.reduce(0) { $0 + WinogradPoints.count(ofTile: $1.rows) * WinogradPoints.count(ofTile: $1.columns) }
  }

  /// A length in tiles of 4 and 3 with the fewest points.
  private static func spans(_ length: Int) -> [(start: Int, size: Int)] {
    let choices = (0..<4).map { threes in (threes: threes, fours: max(0, (length - 3 * threes + 3) / 4)) }
    let best = choices.min { 5 * $0.threes + 6 * $0.fours < 5 * $1.threes + 6 * $1.fours }
    var start = 0
    let sizes = [Int](repeating: 4, count: best?.fours ?? 0) + [Int](repeating: 3, count: best?.threes ?? 0)
    return sizes.map { size in
      defer { start += size }
      return (start, size)
    }
  }
}

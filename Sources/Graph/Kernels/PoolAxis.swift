import Tensors

/// Along one axis of a pool: the taps of each result that lie within the map, and the results that read each position.
struct PoolAxis {
  /// A result that reads a position, and the tap with which it does.
  struct Reader {
    let result: Int
    let tap: Int
  }

  /// What kernels read, valid for the time of a call.
  struct Tables {
    /// For each result the taps within the map.
    let taps: UnsafePointer<Range<Int>>
    /// For each position where its readers begin, and the end.
    let starts: UnsafePointer<Int>
    /// The readers of all positions, by ascending result.
    let readers: UnsafePointer<Reader>
  }

  let window: WindowAxis
  /// Positions of the map.
  let size: Int
  /// Results.
  let results: Int
  private let taps: [Range<Int>]
  private let starts: [Int]
  private let readers: [Reader]

  init(_ window: WindowAxis, size: Int) {
    (self.window, self.size, results) = (window, size, window.resultCount(size: size))
    taps = (0..<results).map { window.taps(ofResult: $0, size: size) }
    require(
      taps.allSatisfy { !$0.isEmpty }, "a window of \(window.length) positions lies outside of the \(size) of its map")
    var readers: [[Reader]] = Array(repeating: [], count: size)
    for (result, taps) in taps.enumerated() {
      for tap in taps { readers[window.position(ofTap: tap, result: result)].append(Reader(result: result, tap: tap)) }
    }
    starts = readers.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    self.readers = readers.flatMap { $0 }
  }

  /// Lends the tables.
  func withTables(_ body: (Tables) -> Void) {
    taps.withUnsafeBufferPointer { taps in
      starts.withUnsafeBufferPointer { starts in
        readers.withUnsafeBufferPointer { readers in
          guard let taps = taps.baseAddress, let starts = starts.baseAddress, let readers = readers.baseAddress else {
            return
          }
          body(Tables(taps: taps, starts: starts, readers: readers))
        }
      }
    }
  }
}

/// The rows and columns of a pool's windows.
struct PoolWindows {
  let rows: PoolAxis
  let columns: PoolAxis
  let input: BlockedShape
  let output: BlockedShape

  init(_ window: Window, input: BlockedShape) {
    rows = PoolAxis(window.rows, size: input.h)
    columns = PoolAxis(window.columns, size: input.w)
    self.input = input
    output = BlockedShape(
      n: input.n, c: input.c, h: rows.results, w: columns.results, channelBlock: input.channelBlock)
  }

  /// Runs `body` for each row of each plane of results, shared among the threads.
  func forEachResultRow(_ body: (_ row: Int, _ plane: Int, PoolAxis.Tables, PoolAxis.Tables) -> Void) {
    forEachRow(of: output, body)
  }

  /// Runs `body` for each row of each plane of the map, shared among the threads.
  func forEachInputRow(_ body: (_ row: Int, _ plane: Int, PoolAxis.Tables, PoolAxis.Tables) -> Void) {
    forEachRow(of: input, body)
  }

  private func forEachRow(
    of shape: BlockedShape, _ body: (_ row: Int, _ plane: Int, PoolAxis.Tables, PoolAxis.Tables) -> Void
  ) {
    rows.withTables { rows in
      columns.withTables { columns in
        parallel(shape.planes * shape.h) { unit in
          let (plane, row) = unit.quotientAndRemainder(dividingBy: shape.h)
          body(row, plane, rows, columns)
        }
      }
    }
  }
}

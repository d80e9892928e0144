import CLanes
import Tensors

/// The columns that a tile of a product takes at a time: blocks of channels, side by side in registers.
///
/// Six rows of 16 floats fill the registers of AVX2 and of 32 floats half of those of AVX-512: six or twelve independent sums
/// for each of two multipliers hide the four cycles that a multiplication takes.
protocol ProductColumns {
  /// Channels of a block: 8 or 16.
  static var channelBlock: Int { get }
  /// Blocks side by side: 1 or 2.
  static var blocks: Int { get }
  /// Zeros.
  init()
  /// A block's floats from an element of each pointer on.
  init(_ pointers: ColumnPointers, _ element: Int)
  /// Adds other columns.
  mutating func add(_ other: Self)
  /// Adds other columns times a factor, rounded once.
  mutating func addProduct(_ other: Self, _ factor: Float)
  /// The larger of each float and zero.
  var rectified: Self { get }
  /// Writes each block from an element of its pointer on.
  func store(_ pointers: MutableColumnPointers, _ element: Int)
}

extension ProductColumns {
  /// Groups of columns that so many blocks make, the last one possibly of one block.
  static func groups(ofBlocks blocks: Int) -> Int { (blocks + Self.blocks - 1) / Self.blocks }

  /// The blocks of a group; the second one is the last there is.
  @inline(__always)
  private static func blocks(ofGroup group: Int, of count: Int) -> (first: Int, second: Int) {
    let first = group &* blocks
    return (first, min(first &+ blocks, count) &- 1)
  }

  /// Where the blocks of a group lie that are `stride` floats apart.
  @inline(__always)
  static func pointers(
    _ base: UnsafePointer<Float>, group: Int, ofBlocks count: Int, stride: Int
  ) -> ColumnPointers {
    let (first, second) = blocks(ofGroup: group, of: count)
    return ColumnPointers(first: base + first &* stride, second: base + second &* stride)
  }

  /// Where the blocks of a group are written.
  @inline(__always)
  static func pointers(
    _ base: UnsafeMutablePointer<Float>, group: Int, ofBlocks count: Int, stride: Int
  ) -> MutableColumnPointers {
    let (first, second) = blocks(ofGroup: group, of: count)
    return MutableColumnPointers(first: base + first &* stride, second: base + second &* stride)
  }
}

/// Where the two blocks of some columns lie; equal where there is one.
struct ColumnPointers {
  let first: UnsafePointer<Float>
  let second: UnsafePointer<Float>

  /// Asks for the cache lines of some elements of both blocks.
  @inline(__always)
  func prefetch(_ elements: Range<Int>) {
    var element = elements.lowerBound
    while element < elements.upperBound {
      shim_prefetch(first + element)
      shim_prefetch(second + element)
      element &+= 16
    }
  }
}

/// Where the two blocks of some columns are written; equal where there is one.
struct MutableColumnPointers {
  let first: UnsafeMutablePointer<Float>
  let second: UnsafeMutablePointer<Float>

  /// The same for reading.
  var reading: ColumnPointers { ColumnPointers(first: first, second: second) }
}

/// Columns that are one group of sixteen floats.
protocol OneGroupColumns: ProductColumns {
  var lanes: Lanes { get set }
}

extension OneGroupColumns {
  @inline(__always)
  mutating func add(_ other: Self) { lanes += other.lanes }

  @inline(__always)
  mutating func addProduct(_ other: Self, _ factor: Float) { lanes.addProduct(other.lanes, Lanes(repeating: factor)) }

  @inline(__always)
  var rectified: Self {
    var result = self
    result.lanes = lanes.rectified
    return result
  }
}

/// Two blocks of 8 channels.
struct Columns8: OneGroupColumns {
  static var channelBlock: Int { 8 }
  static var blocks: Int { 2 }
  var lanes = Lanes()

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ pointers: ColumnPointers, _ element: Int) {
    lanes = Lanes(
      lowHalf: UnsafeRawPointer(pointers.first + element).loadUnaligned(as: SIMD8<Float>.self),
      highHalf: UnsafeRawPointer(pointers.second + element).loadUnaligned(as: SIMD8<Float>.self))
  }

  @inline(__always)
  func store(_ pointers: MutableColumnPointers, _ element: Int) {
    UnsafeMutableRawPointer(pointers.first + element).storeBytes(of: lanes.lowHalf, as: SIMD8<Float>.self)
    UnsafeMutableRawPointer(pointers.second + element).storeBytes(of: lanes.highHalf, as: SIMD8<Float>.self)
  }
}

/// One block of 16 channels, for code without AVX-512.
struct Columns16: OneGroupColumns {
  static var channelBlock: Int { 16 }
  static var blocks: Int { 1 }
  var lanes = Lanes()

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ pointers: ColumnPointers, _ element: Int) { lanes = pointers.first.lanes(element) }

  @inline(__always)
  func store(_ pointers: MutableColumnPointers, _ element: Int) { pointers.first.store(lanes, element) }
}

/// Two blocks of 16 channels.
struct Columns32: ProductColumns {
  static var channelBlock: Int { 16 }
  static var blocks: Int { 2 }
  private var first = Lanes()
  private var second = Lanes()

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ pointers: ColumnPointers, _ element: Int) {
    (first, second) = (pointers.first.lanes(element), pointers.second.lanes(element))
  }

  @inline(__always)
  mutating func add(_ other: Self) {
    first += other.first
    second += other.second
  }

  @inline(__always)
  mutating func addProduct(_ other: Self, _ factor: Float) {
    let factor = Lanes(repeating: factor)
    first.addProduct(other.first, factor)
    second.addProduct(other.second, factor)
  }

  @inline(__always)
  var rectified: Self {
    var result = self
    (result.first, result.second) = (first.rectified, second.rectified)
    return result
  }

  @inline(__always)
  func store(_ pointers: MutableColumnPointers, _ element: Int) {
    pointers.first.store(first, element)
    pointers.second.store(second, element)
  }
}

/// Work that is compiled for each kind of columns.
protocol ColumnWork {
  func run<Columns: ProductColumns>(_ columns: Columns.Type)
}

/// Runs work with the columns that suit the blocks of channels and the registers that this program is compiled for.
func withColumns(channelBlock: Int, _ work: some ColumnWork) {
  if channelBlock == 8 {
    work.run(Columns8.self)
  } else if shim_register_floats() == 16 {
    work.run(Columns32.self)
  } else {
    work.run(Columns16.self)
  }
}

/// The six rows of a tile: the address of the first factor of each.
struct TileRows {
  fileprivate(set) var p0: UnsafePointer<Float>
  fileprivate(set) var p1: UnsafePointer<Float>
  fileprivate(set) var p2: UnsafePointer<Float>
  fileprivate(set) var p3: UnsafePointer<Float>
  fileprivate(set) var p4: UnsafePointer<Float>
  fileprivate(set) var p5: UnsafePointer<Float>

  /// The addresses of the first `count` rows; the others repeat the last one.
  @inline(__always)
  init(count: Int, _ address: (Int) -> UnsafePointer<Float>) {
    p0 = address(0)
    p1 = address(min(1, count &- 1))
    p2 = address(min(2, count &- 1))
    p3 = address(min(3, count &- 1))
    p4 = address(min(4, count &- 1))
    p5 = address(min(5, count &- 1))
  }
}

extension TileRows {
  /// Moves each row by its own step, in floats.
  @inline(__always)
  mutating func advance(by steps: (Int, Int, Int, Int, Int, Int)) {
    p0 += steps.0
    p1 += steps.1
    p2 += steps.2
    p3 += steps.3
    p4 += steps.4
    p5 += steps.5
  }
}

/// Six rows of some columns of a matrix product, summed in registers.
///
/// On one core of a Zen 5 it runs at 98 % of the limit of its multipliers with AVX-512 as with AVX2.
struct ProductTile<Columns: ProductColumns> {
  private var s0 = Columns()
  private var s1 = Columns()
  private var s2 = Columns()
  private var s3 = Columns()
  private var s4 = Columns()
  private var s5 = Columns()

  @inline(__always)
  init() {}

  /// Adds `count` products of a row's factor and columns.
  ///
  /// Factors lie `rowStep` floats apart, columns `columnStep`; both start at an element behind their addresses.
  @inline(__always)
  mutating func add(
    _ rows: TileRows, at row: Int, step rowStep: Int, _ columns: ColumnPointers, at column: Int, step columnStep: Int,
    count: Int
  ) {
    var (row, column) = (row, column)
    for _ in 0..<count {
      let lanes = Columns(columns, column)
      s0.addProduct(lanes, rows.p0[row])
      s1.addProduct(lanes, rows.p1[row])
      s2.addProduct(lanes, rows.p2[row])
      s3.addProduct(lanes, rows.p3[row])
      s4.addProduct(lanes, rows.p4[row])
      s5.addProduct(lanes, rows.p5[row])
      row &+= rowStep
      column &+= columnStep
    }
  }

  /// Hands out the first `count` rows.
  @inline(__always)
  func forEachRow(_ count: Int, _ body: (_ row: Int, _ sums: Columns) -> Void) {
    body(0, s0)
    if count > 1 { body(1, s1) }
    if count > 2 { body(2, s2) }
    if count > 3 { body(3, s3) }
    if count > 4 { body(4, s4) }
    if count > 5 { body(5, s5) }
  }

  /// Writes the first `count` rows, each from its own element on, or adds them to what is there.
  @inline(__always)
  func store(_ count: Int, _ results: MutableColumnPointers, adds: Bool, at element: (_ row: Int) -> Int) {
    forEachRow(count) { row, sums in
      let element = element(row)
      var sums = sums
      if adds { sums.add(Columns(results.reading, element)) }
      sums.store(results, element)
    }
  }

  /// Rows of a tile.
  static var rows: Int { 6 }
}

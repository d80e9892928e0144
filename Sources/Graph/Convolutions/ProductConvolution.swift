import Tensors

/// Forward and backward-data convolutions of any kernel and stride as matrix products over the pixels of all images.
///
/// A row of the product is a pixel of the result, and for each tap of the kernel that meets the map it reads the channels of
/// one pixel of the input. Six pixels are summed at a time; where maps are small they are one pixel of six images, so that no
/// product is wasted on taps that meet padding. Faster than oneDNN where its kernels do not fit: small
/// maps, 1x1 kernels without AVX-512.
final class ProductConvolution: ConvolutionMethod {
  let implementation = "products"
  let multiplications: Double
  let needsFloats: Bool
  let weight: WeightForm
  let scratchBytes: Int

  private let pass: ConvolutionPass
  private let problem: ConvolutionProblem
  private let read: [BlockedShape]
  private let written: [BlockedShape]
  private lazy var gathers = problem.maps.map { PixelGather(pass, problem, $0) }

  /// The method for a pass that makes activations, or nil where the input is plain.
  init?(_ pass: ConvolutionPass, _ problem: ConvolutionProblem) {
    guard problem.isBlocked, problem.groups == 1, !(problem.addsToResult && problem.precision != .f32) else {
      return nil
    }
    (self.pass, self.problem) = (pass, problem)
    (read, written) = pass == .forward ? (problem.inputs, problem.outputs) : (problem.outputs, problem.inputs)
    weight = problem.weightForm(
      pass == .forward ? nil : WeightTransposition(problem.weight, channelBlock: problem.engine.channelBlock))
    multiplications = problem.leastMultiplications
    needsFloats = problem.precision != .f32
    // The bias, and the channels of a pixel outside of the map.
    scratchBytes = 4 * (problem.paddedBiasCount + 16)
  }

  func run(_ memory: ConvolutionMemory) {
    let scratch = memory.scratch.assumingMemoryBound(to: Float.self)
    let outside = scratch + problem.paddedBiasCount
    outside.update(repeating: 0, count: 16)
    var ending = ConvolutionEnding()
    if pass == .forward { ending = problem.ending(memory.bias, copiedTo: scratch) }
    let (from, to) =
      pass == .forward ? (memory.sources, memory.destinations) : (memory.destinations, memory.sources)
    for map in problem.maps.indices {
      withColumns(
        channelBlock: problem.engine.channelBlock,
        PixelProducts(
          gather: gathers[map], source: from[map].base.assumingMemoryBound(to: Float.self), read: read[map],
          target: to[map].base.assumingMemoryBound(to: Float.self), written: written[map],
          weights: memory.weight.assumingMemoryBound(to: Float.self), outside: outside, ending: ending))
    }
  }
}

/// Which pixel of the input each tap of each pixel of the result reads.
struct PixelGather {
  let taps: Int
  let images: Int
  /// Pixels of the result in the order in which rows take them: those that meet the same taps lie together.
  let order: [Int32]
  /// The pixel that a tap reads for a pixel of the result, at pixel * taps + tap; -1 for none.
  let sources: [Int32]
  /// Whether rows run over the images of a pixel, and not over the pixels of an image.
  let isImageFirst: Bool

  init(_ pass: ConvolutionPass, _ problem: ConvolutionProblem, _ map: ConvolutionProblem.Map) {
    let (target, source) = pass == .forward ? (map.output, map.input) : (map.input, map.output)
    let (rows, columns) = (problem.window.rows, problem.window.columns)
    let taps = problem.window.area
    func place(_ position: Int, _ tap: Int, _ axis: WindowAxis, _ length: Int) -> Int? {
      let place =
        pass == .forward
        ? axis.position(ofTap: tap, result: position) : axis.result(readingWith: tap, position: position)
      return place.flatMap { (0..<length).contains($0) ? $0 : nil }
    }
    var sources: [Int32] = []
    for y in 0..<target.h {
      for x in 0..<target.w {
        for tap in 0..<taps {
          let row = place(y, tap / columns.length, rows, source.h)
          let column = place(x, tap % columns.length, columns, source.w)
          if let row, let column { sources.append(Int32(row * source.w + column)) } else { sources.append(-1) }
        }
      }
    }
    // With strides backward, pixels of one parity meet the same taps.
    let step = pass == .forward ? (rows: 1, columns: 1) : (rows: rows.stride, columns: columns.stride)
    var order: [Int32] = []
    for phase in 0..<step.rows * step.columns {
      for y in stride(from: phase / step.columns, to: target.h, by: step.rows) {
        for x in stride(from: phase % step.columns, to: target.w, by: step.columns) {
          order.append(Int32(y * target.w + x))
        }
      }
    }
    self.order = order
    (self.taps, images, self.sources) = (taps, target.n, sources)
    isImageFirst = target.n >= ProductTile<Columns8>.rows && target.area <= 64
  }

  /// Rows of the product.
  var rows: Int { images * order.count }
}

/// The products of the pixels of one map.
private struct PixelProducts: ColumnWork {
  let gather: PixelGather
  let source: UnsafePointer<Float>
  let read: BlockedShape
  let target: UnsafeMutablePointer<Float>
  let written: BlockedShape
  let weights: UnsafePointer<Float>
  /// The channels of a pixel outside of the map.
  let outside: UnsafePointer<Float>
  let ending: ConvolutionEnding

  /// What a tile of rows reads for one tap, and how far it is to the next block of channels: nothing outside of the map.
  private struct TapRows {
    let tap: Int
    let rows: TileRows
    let steps: (Int, Int, Int, Int, Int, Int)
  }

  /// Tiles whose addresses are worked out at a time; their input stays in the cache while the columns go by.
  private static var tilesPerUnit: Int { 16 }

  func run<Columns: ProductColumns>(_ columns: Columns.Type) {
    let tiles = (gather.rows + ProductTile<Columns>.rows - 1) / ProductTile<Columns>.rows
    let groups = Columns.groups(ofBlocks: written.channelBlocks)
    let units = (tiles + Self.tilesPerUnit - 1) / Self.tilesPerUnit
    // Where tiles are few, columns are shared among the threads too.
    let shares = min(groups, max(1, 4 * ThreadPool.threadCount / units))
    gather.order.withUnsafeBufferPointer { order in
      gather.sources.withUnsafeBufferPointer { sources in
        parallelGuided(units * shares) { unit in
          let (part, share) = unit.quotientAndRemainder(dividingBy: shares)
          let range = part &* Self.tilesPerUnit..<min(tiles, (part &+ 1) &* Self.tilesPerUnit)
          withUnsafeTemporaryAllocation(of: TapRows.self, capacity: Self.tilesPerUnit &* gather.taps) { table in
            withUnsafeTemporaryAllocation(of: Int.self, capacity: Self.tilesPerUnit &* 7) { places in
              guard let table = table.baseAddress, let places = places.baseAddress else { return }
              fill(table, places, range, order, sources)
              for group in groups &* share / shares..<groups &* (share &+ 1) / shares {
                multiply(table, places, range, group, columns)
              }
            }
          }
        }
      }
    }
  }

  /// The image and the pixel of a row.
  @inline(__always)
  private func place(_ row: Int, _ order: UnsafeBufferPointer<Int32>) -> (image: Int, pixel: Int) {
    if gather.isImageFirst {
      let (pixel, image) = row.quotientAndRemainder(dividingBy: gather.images)
      return (image, Int(order[pixel]))
    }
    let (image, pixel) = row.quotientAndRemainder(dividingBy: order.count)
    return (image, Int(order[pixel]))
  }

  /// Works out what the tiles of a range read: `places` gets for each tile six elements of the result and the count of its taps.
  private func fill(
    _ table: UnsafeMutablePointer<TapRows>, _ places: UnsafeMutablePointer<Int>, _ range: Range<Int>,
    _ order: UnsafeBufferPointer<Int32>, _ sources: UnsafeBufferPointer<Int32>
  ) {
    let (imageStride, block) = (read.channelBlocks &* read.planeElements, read.channelBlock)
    withUnsafeTemporaryAllocation(of: (image: Int, pixel: Int).self, capacity: 6) { rows in
      for (index, tile) in range.enumerated() {
        for row in 0..<6 {
          // Rows beyond the last one repeat it.
          rows[row] = place(min(tile &* 6 &+ row, gather.rows &- 1), order)
          places[7 &* index &+ row] =
            (rows[row].image &* written.channelBlocks &* written.area &+ rows[row].pixel) &* written.channelBlock
        }
        var taps = 0
        for tap in 0..<gather.taps {
          /// The first channel that a row reads, nil outside of the map.
          @inline(__always)
          func element(_ row: Int) -> Int? {
            let pixel = Int(sources[rows[row].pixel &* gather.taps &+ tap])
            return pixel < 0 ? nil : rows[row].image &* imageStride &+ pixel &* block
          }
          @inline(__always)
          func step(_ row: Int) -> Int { element(row) == nil ? 0 : read.planeElements }
          if (0..<6).allSatisfy({ element($0) == nil }) { continue }
          (table + (index &* gather.taps &+ taps)).initialize(
            to: TapRows(
              tap: tap, rows: TileRows(count: 6) { row in element(row).map { source + $0 } ?? outside },
              steps: (step(0), step(1), step(2), step(3), step(4), step(5))))
          taps &+= 1
        }
        places[7 &* index &+ 6] = taps
      }
    }
  }

  /// Computes the tiles of a range for a group of columns.
  @inline(__always)
  private func multiply<Columns: ProductColumns>(
    _ table: UnsafePointer<TapRows>, _ places: UnsafePointer<Int>, _ range: Range<Int>, _ group: Int,
    _: Columns.Type
  ) {
    let block = Columns.channelBlock
    let (elements, taps) = (block &* block, gather.taps)
    let blocks = written.channelBlocks
    let factors = Columns.pointers(
      weights, group: group, ofBlocks: blocks, stride: read.channelBlocks &* taps &* elements)
    let results = Columns.pointers(target, group: group, ofBlocks: blocks, stride: written.planeElements)
    let bias = ending.bias.map {
      Columns(Columns.pointers($0, group: group, ofBlocks: blocks, stride: block), 0)
    }
    for index in 0..<range.count {
      var tile = ProductTile<Columns>()
      for tapRows in 0..<places[7 &* index &+ 6] {
        let entry = table[index &* taps &+ tapRows]
        var rows = entry.rows
        var column = entry.tap &* elements
        for _ in 0..<read.channelBlocks {
          tile.add(rows, at: 0, step: 1, factors, at: column, step: block, count: block)
          rows.advance(by: entry.steps)
          column &+= taps &* elements
        }
      }
      let rows = min(6, gather.rows &- (range.lowerBound &+ index) &* 6)
      tile.forEachRow(rows) { row, sums in
        let element = places[7 &* index &+ row]
        var sums = sums
        if let bias { sums.add(bias) }
        if ending.adds { sums.add(Columns(results.reading, element)) }
        (ending.rectifies ? sums.rectified : sums).store(results, element)
      }
    }
  }
}

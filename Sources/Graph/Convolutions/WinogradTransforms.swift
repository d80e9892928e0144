import CLanes
import Tensors

/// The two-dimensional transforms of Winograd's tiles: activations to points and products at points to activations.
///
/// What tiles have at a point lies in the order (point, group of tiles, channel block, tile, channel). Products over channels
/// take groups of the six tiles that they multiply at a time, and so read memory in order; sums over tiles take one group of
/// all of them.
struct WinogradPlane {
  /// The points of a block of tiles.
  let points: UnsafeMutablePointer<Float>
  /// Floats from one point to the next.
  let pointStride: Int
  /// Floats from one block of channels to the next.
  let blockStride: Int
  /// Floats from one group of tiles to the next.
  private let groupStride: Int
  private let tilesPerGroup: Int
  private let channelBlock: Int

  /// Floats from one point to the next for so many tiles; not a power of two, so that the points of one tile do not all lie
  /// in the same lines of a cache.
  private static func pointStride(_ shape: BlockedShape, tiles: Int) -> Int { shape.paddedChannels * tiles + 80 }

  /// Floats of all points of so many tiles.
  static func count(_ shape: BlockedShape, tiles: Int) -> Int { 36 * pointStride(shape, tiles: tiles) }

  /// The points of `tiles` tiles of an activation, in scratch memory.
  init(_ points: UnsafeMutablePointer<Float>, _ shape: BlockedShape, tiles: Int, perGroup tilesPerGroup: Int) {
    (self.points, self.tilesPerGroup, channelBlock) = (points, tilesPerGroup, shape.channelBlock)
    blockStride = tilesPerGroup * shape.channelBlock
    groupStride = blockStride * shape.channelBlocks
    pointStride = Self.pointStride(shape, tiles: tiles)
  }

  /// The first channel of a tile, in floats from the start of a point.
  @inline(__always)
  func place(ofTile tile: Int) -> Int {
    let (group, rest) = tile.quotientAndRemainder(dividingBy: tilesPerGroup)
    return group &* groupStride &+ rest &* channelBlock
  }

  /// The points of a tile from a group of sixteen channels on.
  @inline(__always)
  private func start<Channels: ChannelLanes>(_ tile: Int, _ group: Int, _: Channels.Type) -> Int {
    Channels.block(ofGroup: group) &* blockStride &+ place(ofTile: tile)
  }

  /// Asks for what the next tile has at its points.
  ///
  /// So many places are beyond what processors foresee by themselves.
  @inline(__always)
  private func prefetchPoints(_ start: Int, _ distance: Int, toWrite: Bool) {
    for point in 0..<36 {
      let place = points + (start &+ point &* pointStride)
      if toWrite {
        shim_prefetch_to_write(place)
        if distance > 0 { shim_prefetch_to_write(place + distance) }
      } else {
        shim_prefetch(place)
        if distance > 0 { shim_prefetch(place + distance) }
      }
    }
  }

  /// Runs `body` for each tile of a block and each group of channels, shared among the threads, with room for 36 groups.
  private func forEachTile<Channels: ChannelLanes>(
    _ block: WinogradBlock, groups: Int, _: Channels.Type,
    _ body: (_ tile: WinogradTile, _ next: WinogradTile, Int, Int, UnsafeMutablePointer<Lanes>) -> Void
  ) {
    let tilesPerUnit = 16
    let units = (block.tiles.count + tilesPerUnit - 1) / tilesPerUnit
    block.tiles.withUnsafeBufferPointer { tiles in
      parallelGuided(groups * units) { unit in
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 36) { buffer in
          guard let buffer = buffer.baseAddress else { return }
          let (group, part) = unit.quotientAndRemainder(dividingBy: units)
          for index in part * tilesPerUnit..<min(tiles.count, (part + 1) * tilesPerUnit) {
            body(tiles[index], tiles[min(index &+ 1, tiles.count &- 1)], index, group, buffer)
          }
        }
      }
    }
  }

  /// Transforms the inputs of tiles; the first result of a map lies `top` rows below and `left` columns right of the first
  /// input that it reads.
  func input<Channels: ChannelLanes>(
    _ maps: [WinogradMap], _ block: WinogradBlock, top: Int, left: Int, _ channels: Channels.Type
  ) {
    let groups = Channels.groups(ofBlocks: maps[0].shape.channelBlocks)
    maps.withUnsafeBufferPointer { maps in
      forEachTile(block, groups: groups, channels) { tile, next, index, group, buffer in
        let map = maps[tile.map]
        let source = map.access(tile.image, group, channels)
        let (row, column) = (tile.row &- top, tile.column &- left)
        let start = start(index, group, channels)
        let distance = Channels.distance(ofGroup: group, blocks: map.shape.channelBlocks, plane: blockStride)
        maps[next.map].access(next.image, group, channels)
          .prefetch(
            rows: next.row &- top..<next.row &- top &+ 6, columns: next.column &- left..<next.column &- left &+ 6)
        prefetchPoints(start &+ Channels.channelBlock, distance, toWrite: true)
        let (rows, columns) = (
          WinogradPoints.count(ofTile: tile.rows), WinogradPoints.count(ofTile: tile.columns)
        )
        let isInside =
          row >= 0 && column >= 0 && row &+ rows <= map.shape.h && column &+ columns <= map.shape.w
        for x in 0..<columns {
          if isInside {
            let start = source.element(row, column &+ x)
            WinogradPoints.input(tile.rows, { source.load(start &+ $0 &* source.rowStride) }) { point, lanes in
              buffer[point &* 6 &+ x] = lanes
            }
          } else {
            WinogradPoints.input(tile.rows, { source.loadPadded(row &+ $0, column &+ x) }) { point, lanes in
              buffer[point &* 6 &+ x] = lanes
            }
          }
        }
        for y in 0..<rows {
          WinogradPoints.input(tile.columns, { buffer[y &* 6 &+ $0] }) { point, lanes in
            Channels.store(lanes, Elements(points), start &+ (y &* 6 &+ point) &* pointStride, distance)
          }
        }
      }
    }
  }

  /// Transforms the gradients of the results of tiles; those beyond the edge are zero.
  func gradient<Channels: ChannelLanes>(
    _ maps: [WinogradMap], _ block: WinogradBlock, _ channels: Channels.Type
  ) {
    let groups = Channels.groups(ofBlocks: maps[0].shape.channelBlocks)
    maps.withUnsafeBufferPointer { maps in
      forEachTile(block, groups: groups, channels) { tile, next, index, group, buffer in
        let map = maps[tile.map]
        let source = map.access(tile.image, group, channels)
        let start = start(index, group, channels)
        let distance = Channels.distance(ofGroup: group, blocks: map.shape.channelBlocks, plane: blockStride)
        maps[next.map].access(next.image, group, channels)
          .prefetch(rows: next.row..<next.row &+ 4, columns: next.column..<next.column &+ 4)
        prefetchPoints(start &+ Channels.channelBlock, distance, toWrite: true)
        for x in 0..<tile.columns {
          WinogradPoints.gradient(tile.rows, { source.loadPadded(tile.row &+ $0, tile.column &+ x) }) { point, lanes in
            buffer[point &* 6 &+ x] = lanes
          }
        }
        for y in 0..<WinogradPoints.count(ofTile: tile.rows) {
          WinogradPoints.gradient(tile.columns, { buffer[y &* 6 &+ $0] }) { point, lanes in
            Channels.store(lanes, Elements(points), start &+ (y &* 6 &+ point) &* pointStride, distance)
          }
        }
      }
    }
  }

  /// Writes the results of tiles: the products at their points transformed, and what follows a convolution.
  func output<Channels: ChannelLanes>(
    _ maps: [WinogradMap], _ block: WinogradBlock, _ following: ConvolutionEnding, _ channels: Channels.Type
  ) {
    let groups = Channels.groups(ofBlocks: maps[0].shape.channelBlocks)
    maps.withUnsafeBufferPointer { maps in
      forEachTile(block, groups: groups, channels) { tile, next, index, group, buffer in
        let map = maps[tile.map]
        let target = map.access(tile.image, group, channels)
        let start = start(index, group, channels)
        let distance = Channels.distance(ofGroup: group, blocks: map.shape.channelBlocks, plane: blockStride)
        prefetchPoints(start &+ Channels.channelBlock, distance, toWrite: false)
        for x in 0..<WinogradPoints.count(ofTile: tile.columns) {
          WinogradPoints.output(
            tile.rows,
            { Channels.load(Elements(points), start &+ ($0 &* 6 &+ x) &* pointStride, distance) }
          ) { row, lanes in buffer[row &* 6 &+ x] = lanes }
        }
        let bias = following.bias?.lanes(16 &* group) ?? Lanes()
        for y in 0..<min(tile.rows, map.shape.h &- tile.row) {
          WinogradPoints.output(tile.columns, { buffer[y &* 6 &+ $0] }) { column, lanes in
            if tile.column &+ column >= map.shape.w { return }
            let element = target.element(tile.row &+ y, tile.column &+ column)
            var result = lanes + bias
            if following.adds { result += target.load(element) }
            if following.rectifies { result = result.rectified }
            target.store(result, element)
          }
        }
      }
    }
  }
}

/// An activation whose tiles are transformed.
struct WinogradMap {
  let elements: Elements
  let shape: BlockedShape

  /// Sixteen channels of the map of one image.
  struct Access<Channels: ChannelLanes> {
    fileprivate let elements: Elements
    fileprivate let start: Int
    fileprivate let height: Int
    fileprivate let width: Int
    fileprivate let distance: Int
    /// Elements of a row of a block of channels.
    fileprivate let rowStride: Int

    @inline(__always)
    fileprivate func element(_ row: Int, _ column: Int) -> Int {
      start &+ row &* rowStride &+ column &* Channels.channelBlock
    }

    @inline(__always)
    fileprivate func load(_ element: Int) -> Lanes { Channels.load(elements, element, distance) }

    /// The channels of a pixel, zero outside of the map.
    @inline(__always)
    fileprivate func loadPadded(_ row: Int, _ column: Int) -> Lanes {
      row >= 0 && row < height && column >= 0 && column < width ? load(element(row, column)) : Lanes()
    }

    /// Asks for the pixels of some rows and columns, those inside of the map.
    @inline(__always)
    fileprivate func prefetch(rows: Range<Int>, columns: Range<Int>) {
      let columns = columns.clamped(to: 0..<width)
      for row in rows.clamped(to: 0..<height) {
        for column in columns {
          let place = elements.base + elements.precision.byteCount &* element(row, column)
          shim_prefetch(place)
          if distance > 0 { shim_prefetch(place + 4 &* distance) }
        }
      }
    }

    @inline(__always)
    fileprivate func store(_ lanes: Lanes, _ element: Int) { Channels.store(lanes, elements, element, distance) }
  }

  @inline(__always)
  fileprivate func access<Channels: ChannelLanes>(
    _ image: Int, _ group: Int, _: Channels.Type
  ) -> Access<Channels> {
    Access(
      elements: elements,
      start: (image &* shape.channelBlocks &+ Channels.block(ofGroup: group)) &* shape.planeElements,
      height: shape.h, width: shape.w,
      distance: Channels.distance(ofGroup: group, blocks: shape.channelBlocks, plane: shape.planeElements),
      rowStride: shape.w &* Channels.channelBlock)
  }
}

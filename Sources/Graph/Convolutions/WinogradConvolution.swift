import Tensors

/// Forward and backward-data convolutions of 3x3 kernels by Winograd's F(4x4, 3x3) and F(3x3, 3x3), on any processor.
///
/// A block of tiles at a time is transformed, multiplied point by point with the transformed weight, and transformed back: 36
/// products for 16 results instead of 144. Maps that share the weight share its blocks, so that it is read once for all of
/// them. No result depends on the number of threads.
final class WinogradConvolution: ConvolutionMethod {
  let implementation = "F(4x4, 3x3)"
  let multiplications: Double
  let weight: WeightForm
  let scratchBytes: Int

  private let pass: ConvolutionPass
  private let problem: ConvolutionProblem
  /// The maps that are read and those that are written.
  private let read: [BlockedShape]
  private let written: [BlockedShape]
  private let blocks: [WinogradBlock]
  /// Tiles that scratch memory has room for.
  private let tilesPerBlock: Int

  /// The method for a pass that makes activations, or nil for other kernels.
  init?(_ pass: ConvolutionPass, _ problem: ConvolutionProblem) {
    guard problem.suitsWinograd else { return nil }
    (self.pass, self.problem) = (pass, problem)
    let (sources, destinations) = (problem.inputs, problem.outputs)
    (read, written) = pass == .forward ? (sources, destinations) : (destinations, sources)
    weight = problem.weightForm(
      WinogradWeights(problem.weight, isTurned: pass == .backwardData, channelBlock: problem.engine.channelBlock))
    let tiling = WinogradTiling(pass == .forward ? problem.maps.map(\.output) : problem.maps.map(\.input))
    multiplications = Double(tiling.products) * Double(problem.weight.n * problem.weight.c)
    let channels = read[0].paddedChannels + written[0].paddedChannels
    tilesPerBlock = Self.tilesPerBlock(of: tiling.tiles.count, channels: channels)
    blocks = tiling.blocks(of: tilesPerBlock)
    let tiles = tilesPerBlock
    let points = [read[0], written[0]].reduce(0) { $0 + WinogradPlane.count($1, tiles: tiles) }
    scratchBytes = 4 * (points + problem.paddedBiasCount)
  }

  /// Tiles of a block: as many as keep the points of what is read and written in the nearer caches, in equal blocks.
  static func tilesPerBlock(of tiles: Int, channels: Int) -> Int {
    let budget = 6 << 20
    let most = max(24, budget / (4 * 36 * channels))
    let blocks = (tiles + most - 1) / most
    return ((tiles + blocks - 1) / blocks + 5) / 6 * 6
  }

  func run(_ memory: ConvolutionMemory) {
    if problem.engine.channelBlock == 8 {
      run(memory, LanesOf8.self)
    } else {
      run(memory, LanesOf16.self)
    }
  }

  private func run<Channels: ChannelLanes>(_ memory: ConvolutionMemory, _ channels: Channels.Type) {
    let isForward = pass == .forward
    let (from, to) = isForward ? (memory.sources, memory.destinations) : (memory.destinations, memory.sources)
    let inputs = zip(from, read).map { WinogradMap(elements: $0, shape: $1) }
    let outputs = zip(to, written).map { WinogradMap(elements: $0, shape: $1) }
    let bias = memory.scratch.assumingMemoryBound(to: Float.self)
    var ending = ConvolutionEnding()
    if isForward {
      ending = problem.ending(memory.bias, copiedTo: bias)
    }
    let v = WinogradPlane(bias + problem.paddedBiasCount, read[0], tiles: tilesPerBlock, perGroup: 6)
    let m = WinogradPlane(v.points + 36 * v.pointStride, written[0], tiles: tilesPerBlock, perGroup: 6)
    let weights = memory.weight.assumingMemoryBound(to: Float.self)
    let (top, left) = (problem.window.rows.before, problem.window.columns.before)
    for block in blocks {
      v.input(
        inputs, block, top: isForward ? top : 2 - top, left: isForward ? left : 2 - left, channels)
      withColumns(
        channelBlock: Channels.channelBlock,
        WinogradProducts(
          block: block, v: v, m: m, weights: weights, readBlocks: read[0].channelBlocks,
          writtenBlocks: written[0].channelBlocks))
      m.output(outputs, block, ending, channels)
    }
  }
}

/// The products of transformed tiles with the transformed weight, point by point.
private struct WinogradProducts: ColumnWork {
  let block: WinogradBlock
  let v: WinogradPlane
  let m: WinogradPlane
  let weights: UnsafePointer<Float>
  let readBlocks: Int
  let writtenBlocks: Int

  func run<Columns: ProductColumns>(_ columns: Columns.Type) {
    let channelBlock = Columns.channelBlock
    let groups = Columns.groups(ofBlocks: writtenBlocks)
    let weightStride = readBlocks * channelBlock * channelBlock
    let pointStride = WinogradWeights.pointStride(blocks: writtenBlocks * readBlocks, channelBlock: channelBlock)
    /// The columns of a unit of work.
    @inline(__always)
    func factors(_ unit: Int) -> ColumnPointers {
      let (point, group) = unit.quotientAndRemainder(dividingBy: groups)
      return Columns.pointers(
        weights + point &* pointStride, group: group, ofBlocks: writtenBlocks, stride: weightStride)
    }
    parallelGuided(36 * groups) { unit in
      let (point, group) = unit.quotientAndRemainder(dividingBy: groups)
      let tiles = block.tiles(with: point / 6, point % 6)
      let columns = factors(unit)
      // The next columns come from a far cache: they are asked for while these are multiplied.
      let next = factors(min(unit &+ 1, 36 &* groups &- 1))
      let share = weightStride &* ProductTile<Columns>.rows / max(1, tiles.count) &+ 16
      let source = v.points + point &* v.pointStride
      let results = Columns.pointers(
        m.points + point &* m.pointStride, group: group, ofBlocks: writtenBlocks, stride: m.blockStride)
      var start = tiles.lowerBound
      var asked = 0
      while start < tiles.upperBound {
        next.prefetch(asked..<min(asked &+ share, weightStride))
        asked = min(asked &+ share, weightStride)
        let count = min(ProductTile<Columns>.rows, tiles.upperBound &- start)
        let rows = TileRows(count: count) { UnsafePointer(source + v.place(ofTile: start &+ $0)) }
        var tile = ProductTile<Columns>()
        for block in 0..<readBlocks {
          tile.add(
            rows, at: block &* v.blockStride, step: 1, columns, at: block &* channelBlock &* channelBlock,
            step: channelBlock, count: channelBlock)
        }
        tile.store(count, results, adds: false) { m.place(ofTile: start &+ $0) }
        start &+= count
      }
    }
  }
}

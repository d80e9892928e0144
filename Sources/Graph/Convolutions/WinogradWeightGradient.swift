import Tensors

/// The gradient of 3x3 weights by Winograd's tiles: products of transformed inputs and transformed gradients, summed over all
/// tiles of all maps that share the weight before they are transformed back.
final class WinogradWeightGradient: ConvolutionMethod {
  let implementation = "F(4x4, 3x3)"
  let multiplications: Double
  let weight: WeightForm
  let scratchBytes: Int

  private let problem: ConvolutionProblem
  private let inputs: [BlockedShape]
  private let outputs: [BlockedShape]
  private let weights: WinogradWeights
  private let blocks: [WinogradBlock]
  private let tilesPerBlock: Int

  /// The method, or nil for other kernels.
  init?(_ problem: ConvolutionProblem) {
    guard problem.suitsWinograd else { return nil }
    self.problem = problem
    (inputs, outputs) = (problem.inputs, problem.outputs)
    weight = problem.weightForm()
    weights = WinogradWeights(problem.weight, isTurned: false, channelBlock: problem.engine.channelBlock)
    let tiling = WinogradTiling(problem.maps.map(\.output))
    multiplications = Double(tiling.products) * Double(problem.weight.n * problem.weight.c)
    let channels = inputs[0].paddedChannels + outputs[0].paddedChannels
    tilesPerBlock = WinogradConvolution.tilesPerBlock(of: tiling.tiles.count, channels: channels)
    blocks = tiling.blocks(of: tilesPerBlock)
    let tiles = tilesPerBlock
    let points = [inputs[0], outputs[0]].reduce(0) { $0 + WinogradPlane.count($1, tiles: tiles) }
    scratchBytes = 4 * points + weights.byteCount
  }

  func run(_ memory: ConvolutionMemory) {
    if problem.engine.channelBlock == 8 {
      run(memory, LanesOf8.self)
    } else {
      run(memory, LanesOf16.self)
    }
  }

  private func run<Channels: ChannelLanes>(_ memory: ConvolutionMemory, _ channels: Channels.Type) {
    let sources = zip(memory.sources, inputs).map { WinogradMap(elements: $0, shape: $1) }
    let gradients = zip(memory.destinations, outputs).map { WinogradMap(elements: $0, shape: $1) }
    let sums = memory.scratch.assumingMemoryBound(to: Float.self)
    let v = WinogradPlane(sums + weights.byteCount / 4, inputs[0], tiles: tilesPerBlock, perGroup: tilesPerBlock)
    let w = WinogradPlane(v.points + 36 * v.pointStride, outputs[0], tiles: tilesPerBlock, perGroup: tilesPerBlock)
    for (index, block) in blocks.enumerated() {
      v.input(sources, block, top: problem.window.rows.before, left: problem.window.columns.before, channels)
      w.gradient(gradients, block, channels)
      withColumns(
        channelBlock: Channels.channelBlock,
        WinogradSums(
          block: block, isFirst: index == 0, v: v, w: w, sums: sums, inputBlocks: inputs[0].channelBlocks,
          outputBlocks: outputs[0].channelBlocks))
    }
    weights.gradient(sums, to: memory.weight.assumingMemoryBound(to: Float.self))
    if let bias = memory.bias { BiasGradientKernel.run(memory.destinations, outputs, to: bias) }
  }
}

/// The sums over the tiles of a block of products of inputs and gradients, point by point.
private struct WinogradSums: ColumnWork {
  let block: WinogradBlock
  let isFirst: Bool
  let v: WinogradPlane
  let w: WinogradPlane
  let sums: UnsafeMutablePointer<Float>
  let inputBlocks: Int
  let outputBlocks: Int

  func run<Columns: ProductColumns>(_ columns: Columns.Type) {
    let channelBlock = Columns.channelBlock
    let groups = Columns.groups(ofBlocks: outputBlocks)
    let channels = inputBlocks * channelBlock
    let pointStride = WinogradWeights.pointStride(blocks: outputBlocks * inputBlocks, channelBlock: channelBlock)
    parallelGuided(36 * groups) { unit in
      let (point, group) = unit.quotientAndRemainder(dividingBy: groups)
      let tiles = block.tiles(with: point / 6, point % 6)
      let offset = tiles.lowerBound &* channelBlock
      let source = v.points + (point &* v.pointStride &+ offset)
      let factors = Columns.pointers(
        UnsafePointer(w.points + (point &* w.pointStride &+ offset)), group: group, ofBlocks: outputBlocks,
        stride: w.blockStride)
      let results = Columns.pointers(
        sums + point &* pointStride, group: group, ofBlocks: outputBlocks, stride: channels &* channelBlock)
      var channel = 0
      while channel < channels {
        let count = min(ProductTile<Columns>.rows, channels &- channel)
        let rows = TileRows(count: count) { row in
          let (block, lane) = (channel &+ row).quotientAndRemainder(dividingBy: channelBlock)
          return UnsafePointer(source + (block &* v.blockStride &+ lane))
        }
        results.reading.prefetch(channel &* channelBlock..<(channel &+ count) &* channelBlock)
        var tile = ProductTile<Columns>()
        tile.add(rows, at: 0, step: channelBlock, factors, at: 0, step: channelBlock, count: tiles.count)
        tile.store(count, results, adds: !isFirst) { (channel &+ $0) &* channelBlock }
        channel &+= count
      }
    }
  }
}

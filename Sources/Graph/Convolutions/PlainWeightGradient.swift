import Tensors

/// The gradient of the weight where the input is plain: images of up to four channels.
///
/// A row of the product is a tap of an input channel, summed over the rows of a copy of the images with their padding.
final class PlainWeightGradient: ConvolutionMethod {
  let implementation = "products"
  let multiplications: Double
  let needsFloats: Bool
  let weight: WeightForm
  let scratchBytes: Int

  private let problem: ConvolutionProblem
  private let input: Shape
  private let output: BlockedShape
  /// Rows and columns of an image with its padding.
  private let padded: (h: Int, w: Int)
  private lazy var chunks = PixelChunk.chunks(ofMap: 0, input: output, output: output)

  /// The method, or nil where the input is in blocks of channels or there are several maps.
  init?(_ problem: ConvolutionProblem) {
    guard !problem.isBlocked, problem.groups == 1, problem.maps.count == 1 else { return nil }
    let (rows, columns) = (problem.window.rows, problem.window.columns)
    self.problem = problem
    (input, output) = (problem.maps[0].input, problem.outputs[0])
    padded = (input.h + rows.before + rows.after, input.w + columns.before + columns.after)
    weight = WeightForm(layout: Layout(problem.weight, .blockedOutputs(problem.engine.channelBlock)))
    multiplications = problem.multiplications
    needsFloats = problem.precision != .f32
    scratchBytes = 4 * input.n * input.c * padded.h * padded.w
  }

  func run(_ memory: ConvolutionMemory) {
    let images = memory.scratch.assumingMemoryBound(to: Float.self)
    pad(memory.sources[0].base.assumingMemoryBound(to: Float.self), to: images)
    for (index, chunk) in chunks.enumerated() {
      withColumns(
        channelBlock: problem.engine.channelBlock,
        TapSums(
          chunk: chunk, isFirst: index == 0, images: images, channels: input.c, padded: padded,
          window: problem.window,
          gradient: memory.destinations[0].base.assumingMemoryBound(to: Float.self), output: output,
          sums: memory.weight.assumingMemoryBound(to: Float.self)))
    }
    if let bias = memory.bias { BiasGradientKernel.run(memory.destinations, [output], to: bias) }
  }

  private func pad(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    let (top, left) = (problem.window.rows.before, problem.window.columns.before)
    parallel(input.n * input.c) { plane in
      let target = target + plane &* padded.h &* padded.w
      target.update(repeating: 0, count: padded.h &* padded.w)
      for row in 0..<input.h {
        (target + ((row &+ top) &* padded.w &+ left))
          .update(from: source + (plane &* input.h &+ row) &* input.w, count: input.w)
      }
    }
  }
}

/// The products of the taps of some rows of results, added to the gradient of the weight.
private struct TapSums: ColumnWork {
  let chunk: PixelChunk
  let isFirst: Bool
  let images: UnsafePointer<Float>
  let channels: Int
  let padded: (h: Int, w: Int)
  let window: Window
  let gradient: UnsafePointer<Float>
  let output: BlockedShape
  let sums: UnsafeMutablePointer<Float>

  func run<Columns: ProductColumns>(_ columns: Columns.Type) {
    let block = Columns.channelBlock
    let (rowAxis, columnAxis) = (window.rows, window.columns)
    let taps = channels * window.area
    let groups = Columns.groups(ofBlocks: output.channelBlocks)
    let tiles = (taps + ProductTile<Columns>.rows - 1) / ProductTile<Columns>.rows
    parallelGuided(groups * tiles) { unit in
      let (group, index) = unit.quotientAndRemainder(dividingBy: tiles)
      let factors = Columns.pointers(
        gradient, group: group, ofBlocks: output.channelBlocks, stride: output.planeElements)
      let start = index &* ProductTile<Columns>.rows
      let count = min(ProductTile<Columns>.rows, taps &- start)
      let rows = TileRows(count: count) { row in
        let (channel, tap) = (start &+ row).quotientAndRemainder(dividingBy: window.area)
        let (y, x) = tap.quotientAndRemainder(dividingBy: columnAxis.length)
        return images + ((channel &* padded.h &+ y &* rowAxis.dilation) &* padded.w &+ x &* columnAxis.dilation)
      }
      var tile = ProductTile<Columns>()
      for image in chunk.images {
        for row in chunk.rows {
          tile.add(
            rows, at: (image &* channels &* padded.h &+ row &* rowAxis.stride) &* padded.w, step: columnAxis.stride,
            factors,
            at: (image &* output.channelBlocks &* output.area &+ row &* output.w) &* block, step: block,
            count: output.w)
        }
      }
      let results = Columns.pointers(sums, group: group, ofBlocks: output.channelBlocks, stride: taps &* block)
      tile.store(count, results, adds: !isFirst) { (start &+ $0) &* block }
    }
  }
}

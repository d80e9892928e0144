import Tensors

/// The gradient of the weight of any kernel and stride: for each tap, the products of the pixels that meet it, over all images.
///
/// Sums run along a row of a map, or over the images of one pixel where maps are small.
final class ProductWeightGradient: ConvolutionMethod {
  let implementation = "products"
  let multiplications: Double
  let needsFloats: Bool
  let weight: WeightForm
  let scratchBytes = 0

  private let problem: ConvolutionProblem
  private let inputs: [BlockedShape]
  private let outputs: [BlockedShape]
  private lazy var chunks = zip(inputs, outputs).enumerated().flatMap { index, shapes in
    PixelChunk.chunks(ofMap: index, input: shapes.0, output: shapes.1)
  }
  private lazy var runs = problem.maps.map { PixelRuns(problem, $0) }

  /// The method, or nil where the input is plain.
  init?(_ problem: ConvolutionProblem) {
    guard problem.isBlocked, problem.groups == 1 else { return nil }
    let isFlat = problem.window.isPointwise && problem.maps.allSatisfy { $0.input.area <= 2048 }
    self.problem = isFlat ? problem.withFlatMaps : problem
    (inputs, outputs) = (self.problem.inputs, self.problem.outputs)
    weight = problem.weightForm()
    multiplications = problem.leastMultiplications
    needsFloats = problem.precision != .f32
  }

  func run(_ memory: ConvolutionMemory) {
    for (index, chunk) in chunks.enumerated() {
      let map = chunk.map
      withColumns(
        channelBlock: problem.engine.channelBlock,
        PixelSums(
          chunk: chunk, runs: runs[map], isFirst: index == 0,
          source: memory.sources[map].base.assumingMemoryBound(to: Float.self), input: inputs[map],
          gradient: memory.destinations[map].base.assumingMemoryBound(to: Float.self), output: outputs[map],
          sums: memory.weight.assumingMemoryBound(to: Float.self)))
    }
    if let bias = memory.bias { BiasGradientKernel.run(memory.destinations, outputs, to: bias) }
  }
}

/// Images and rows of results that are summed before the next ones, because they fit the cache.
struct PixelChunk {
  let map: Int
  let images: Range<Int>
  let rows: Range<Int>
  /// Whether sums run over images.
  let isImageFirst: Bool

  static func chunks(ofMap map: Int, input: BlockedShape, output: BlockedShape) -> [PixelChunk] {
    let budget = 384 << 10
    let rowBytes = max(
      1, 4 * (output.w * output.paddedChannels + input.area / max(1, output.h) * input.paddedChannels))
    let imageBytes = rowBytes * output.h
    let isImageFirst = output.w < 8 && output.n > output.w
    if imageBytes <= budget || isImageFirst {
      // Sums over images are the longer the more there are.
      let images = max(isImageFirst ? 32 : 1, budget / imageBytes)
      return stride(from: 0, to: output.n, by: images).map {
        PixelChunk(
          map: map, images: $0..<min(output.n, $0 + images), rows: 0..<output.h, isImageFirst: isImageFirst)
      }
    }
    let rows = max(1, budget / rowBytes)
    return (0..<output.n).flatMap { image in
      stride(from: 0, to: output.h, by: rows).map {
        PixelChunk(
          map: map, images: image..<image + 1, rows: $0..<min(output.h, $0 + rows), isImageFirst: isImageFirst)
      }
    }
  }
}

/// For each tap and row of results, the run of pixels that meet it.
private struct PixelRuns {
  struct Run {
    /// The first pixel of the input and of the result.
    let source: Int
    let target: Int
    let count: Int
  }

  let taps: Int
  /// Pixels of the input from one of the run to the next.
  let sourceStep: Int
  /// Rows of results that a run is one of.
  let rows: Int
  /// The run at tap * rows + row.
  private let runs: [Run]

  init(_ problem: ConvolutionProblem, _ map: ConvolutionProblem.Map) {
    let window = problem.window
    (taps, sourceStep, rows) = (window.area, window.columns.stride, map.output.h)
    runs = (0..<window.area).flatMap { tap in
      let (down, across) = tap.quotientAndRemainder(dividingBy: window.columns.length)
      return (0..<map.output.h).map { y in
        let row = window.rows.position(ofTap: down, result: y)
        let columns = (0..<map.output.w).filter {
          (0..<map.input.w).contains(window.columns.position(ofTap: across, result: $0))
        }
        guard (0..<map.input.h).contains(row), let first = columns.first else {
          return Run(source: 0, target: 0, count: 0)
        }
        return Run(
          source: row * map.input.w + window.columns.position(ofTap: across, result: first),
          target: y * map.output.w + first, count: columns.count)
      }
    }
  }

  @inline(__always)
  func withRuns<Result>(_ body: (UnsafePointer<Run>) -> Result) -> Result {
    runs.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}

/// The products of the pixels of one chunk, added to the gradient of the weight.
private struct PixelSums: ColumnWork {
  let chunk: PixelChunk
  let runs: PixelRuns
  let isFirst: Bool
  let source: UnsafePointer<Float>
  let input: BlockedShape
  let gradient: UnsafePointer<Float>
  let output: BlockedShape
  let sums: UnsafeMutablePointer<Float>

  func run<Columns: ProductColumns>(_ columns: Columns.Type) {
    let block = Columns.channelBlock
    let channels = input.paddedChannels
    let groups = Columns.groups(ofBlocks: output.channelBlocks)
    let tiles = (channels + ProductTile<Columns>.rows - 1) / ProductTile<Columns>.rows
    let (elements, taps) = (block &* block, runs.taps)
    let weightStride = input.channelBlocks &* taps &* elements
    let (inputStride, outputStride) = (
      input.channelBlocks &* input.planeElements, output.channelBlocks &* output.planeElements
    )
    runs.withRuns { table in
      parallelGuided(groups * taps * tiles) { unit in
        let (position, index) = unit.quotientAndRemainder(dividingBy: tiles)
        let (group, tap) = position.quotientAndRemainder(dividingBy: taps)
        let factors = Columns.pointers(
          gradient, group: group, ofBlocks: output.channelBlocks, stride: output.planeElements)
        let channel = index &* ProductTile<Columns>.rows
        let count = min(ProductTile<Columns>.rows, channels &- channel)
        let rows = TileRows(count: count) { row in
          let (other, lane) = (channel &+ row).quotientAndRemainder(dividingBy: block)
          return source + (other &* input.planeElements &+ lane)
        }
        let results = Columns.pointers(
          sums + tap &* elements, group: group, ofBlocks: output.channelBlocks, stride: weightStride)
        @inline(__always)
        func place(_ row: Int) -> Int {
          let (other, lane) = (channel &+ row).quotientAndRemainder(dividingBy: block)
          return other &* taps &* elements &+ lane &* block
        }
        for row in 0..<count { results.reading.prefetch(place(row)..<place(row) &+ block) }
        var tile = ProductTile<Columns>()
        if chunk.isImageFirst {
          for row in chunk.rows {
            let run = table[tap &* runs.rows &+ row]
            for pixel in 0..<run.count {
              tile.add(
                rows,
                at: (run.source &+ pixel &* runs.sourceStep) &* block &+ chunk.images.lowerBound &* inputStride,
                step: inputStride, factors,
                at: (run.target &+ pixel) &* block &+ chunk.images.lowerBound &* outputStride, step: outputStride,
                count: chunk.images.count)
            }
          }
        } else {
          for image in chunk.images {
            for row in chunk.rows {
              let run = table[tap &* runs.rows &+ row]
              tile.add(
                rows, at: run.source &* block &+ image &* inputStride, step: runs.sourceStep &* block, factors,
                at: run.target &* block &+ image &* outputStride, step: block, count: run.count)
            }
          }
        }
        tile.store(count, results, adds: !isFirst, at: place)
      }
    }
  }
}

extension ConvolutionProblem {
  /// The same for pointwise windows with all pixels in one row, so that sums run along all of them.
  fileprivate var withFlatMaps: ConvolutionProblem {
    var problem = self
    problem.maps = maps.map { map in
      Map(
        input: Shape(map.input.n, map.input.c, 1, map.input.area),
        output: Shape(map.output.n, map.output.c, 1, map.output.area))
    }
    return problem
  }

  /// Multiplications of one pass by the defining sum without those that meet padding.
  var leastMultiplications: Double {
    func pairs(_ axis: WindowAxis, _ input: Int, _ output: Int) -> Int {
      (0..<output).reduce(0) { $0 + axis.taps(ofResult: $1, size: input).count }
    }
    let pixels = maps.reduce(0) { sum, map in
      sum + map.output.n * pairs(window.rows, map.input.h, map.output.h)
        * pairs(window.columns, map.input.w, map.output.w)
    }
    return Double(pixels) * Double(weight.n * weight.c)
  }
}

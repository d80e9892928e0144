import Tensors

/// The gradient of the kernels of a convolution with one kernel a channel, of any window.
///
/// A thread takes whole blocks of channels, so that no sum depends on the number of threads. Sums run along a row of results
/// in floats and over rows and images in Double.
final class DepthwiseWeightGradient: ConvolutionMethod {
  let implementation = "depthwise"
  let multiplications: Double
  let needsFloats: Bool
  let weight: WeightForm
  let scratchBytes = 0

  private let problem: ConvolutionProblem
  /// For each map and tap of an axis the results that read the map with it.
  private lazy var ranges = problem.maps.map { map in
    (
      rows: Self.ranges(problem.window.rows, size: map.input.h),
      columns: Self.ranges(problem.window.columns, size: map.input.w)
    )
  }

  /// The method, or nil for other convolutions.
  init?(_ problem: ConvolutionProblem) {
    guard problem.isDepthwise else { return nil }
    self.problem = problem
    weight = problem.depthwiseForm
    multiplications = problem.multiplications
    needsFloats = problem.precision != .f32
  }

  private static func ranges(_ window: WindowAxis, size: Int) -> [Range<Int>] {
    (0..<window.length).map { tap in
      let results = (0..<window.resultCount(size: size)).filter {
        (0..<size).contains(window.position(ofTap: tap, result: $0))
      }
      return (results.first ?? 0)..<((results.last ?? -1) + 1)
    }
  }

  func run(_ memory: ConvolutionMemory) {
    if problem.engine.channelBlock == 16 {
      run(memory, SIMD16<Float>.self)
    } else {
      run(memory, SIMD8<Float>.self)
    }
    if let bias = memory.bias { BiasGradientKernel.run(memory.destinations, problem.outputs, to: bias) }
  }

  @inline(__always)
  private func run<Channels: SIMD<Float>>(_ memory: ConvolutionMemory, _ channels: Channels.Type) {
    let kernels = memory.weight.assumingMemoryBound(to: Float.self)
    let (window, inputs, outputs, ranges) = (problem.window, problem.inputs, problem.outputs, ranges)
    parallel(outputs[0].channelBlocks) { block in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: window.area &* Channels.scalarCount) { sums in
        guard let base = sums.baseAddress else { return }
        sums.initialize(repeating: 0)
        for map in inputs.indices {
          let (input, output) = (inputs[map], outputs[map])
          for image in 0..<output.n {
            let plane = image &* output.channelBlocks &+ block
            let x = UnsafePointer(memory.sources[map].floats) + plane &* input.planeElements
            let gradient = UnsafePointer(memory.destinations[map].floats) + plane &* output.planeElements
            for tap in 0..<window.area {
              let (down, across) = tap.quotientAndRemainder(dividingBy: window.columns.length)
              add(
                x, gradient, input, output, rows: ranges[map].rows[down], columns: ranges[map].columns[across], down,
                across, to: base + tap &* Channels.scalarCount, channels)
            }
          }
        }
        let target = kernels + block &* window.area &* Channels.scalarCount
        for element in 0..<window.area &* Channels.scalarCount { target[element] = Float(base[element]) }
      }
    }
  }

  /// Adds the products of one tap in one plane.
  @inline(__always)
  private func add<Channels: SIMD<Float>>(
    _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, _ input: BlockedShape, _ output: BlockedShape,
    rows: Range<Int>, columns: Range<Int>, _ down: Int, _ across: Int, to sums: UnsafeMutablePointer<Double>,
    _: Channels.Type
  ) {
    let block = Channels.scalarCount
    let (rowAxis, columnAxis) = (problem.window.rows, problem.window.columns)
    let step = columnAxis.stride &* block
    for row in rows {
      var from =
        x
        + (rowAxis.position(ofTap: down, result: row) &* input.w
          &+ columnAxis.position(ofTap: across, result: columns.lowerBound)) &* block
      var slope = gradient + (row &* output.w &+ columns.lowerBound) &* block
      var (s0, s1, s2, s3) = (Channels(), Channels(), Channels(), Channels())
      var left = columns.count
      while left >= 4 {
        s0.addProduct(from.vector(Channels.self), slope.vector(Channels.self))
        s1.addProduct((from + step).vector(Channels.self), (slope + block).vector(Channels.self))
        s2.addProduct((from + 2 &* step).vector(Channels.self), (slope + 2 &* block).vector(Channels.self))
        s3.addProduct((from + 3 &* step).vector(Channels.self), (slope + 3 &* block).vector(Channels.self))
        from += 4 &* step
        slope += 4 &* block
        left &-= 4
      }
      while left > 0 {
        s0.addProduct(from.vector(Channels.self), slope.vector(Channels.self))
        from += step
        slope += block
        left &-= 1
      }
      let sum = (s0 + s1) + (s2 + s3)
      for lane in 0..<block { sums[lane] += Double(sum[lane]) }
    }
  }
}

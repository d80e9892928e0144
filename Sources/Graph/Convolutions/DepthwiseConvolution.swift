import Tensors

/// Forward and backward-data convolutions with one kernel a channel, of any window.
///
/// A row of a plane is summed at a time, four pixels side by side; what it reads stays in the nearest cache, so that larger
/// maps go at the speed of memory.
final class DepthwiseConvolution: ConvolutionMethod {
  let implementation = "depthwise"
  let multiplications: Double
  let needsFloats: Bool
  let weight: WeightForm
  let scratchBytes: Int

  private let pass: ConvolutionPass
  private let problem: ConvolutionProblem
  private lazy var axes = problem.maps.map { map in
    (
      rows: DepthwiseAxis(pass, problem.window.rows, size: map.input.h),
      columns: DepthwiseAxis(pass, problem.window.columns, size: map.input.w)
    )
  }

  /// The method for a pass that makes activations, or nil for other convolutions.
  init?(_ pass: ConvolutionPass, _ problem: ConvolutionProblem) {
    guard problem.isDepthwise, !(problem.addsToResult && problem.precision != .f32) else { return nil }
    (self.pass, self.problem) = (pass, problem)
    weight = problem.depthwiseForm
    multiplications = problem.multiplications
    needsFloats = problem.precision != .f32
    scratchBytes = 4 * problem.paddedBiasCount
  }

  func run(_ memory: ConvolutionMemory) {
    var ending = ConvolutionEnding()
    if pass == .forward {
      ending = problem.ending(memory.bias, copiedTo: memory.scratch.assumingMemoryBound(to: Float.self))
    }
    let isForward = pass == .forward
    let (sources, targets) =
      isForward ? (memory.sources, memory.destinations) : (memory.destinations, memory.sources)
    for map in problem.maps.indices {
      let (input, output) = (problem.inputs[map], problem.outputs[map])
      let rows = DepthwiseRows(
        rows: axes[map].rows, columns: axes[map].columns, source: sources[map].floats, target: targets[map].floats,
        weights: memory.weight.assumingMemoryBound(to: Float.self), read: isForward ? input : output,
        written: isForward ? output : input, window: problem.window, ending: ending)
      if problem.engine.channelBlock == 16 {
        rows.run(SIMD16<Float>.self)
      } else {
        rows.run(SIMD8<Float>.self)
      }
    }
  }
}

/// The rows of one map.
private struct DepthwiseRows {
  let rows: DepthwiseAxis
  let columns: DepthwiseAxis
  let source: UnsafePointer<Float>
  let target: UnsafeMutablePointer<Float>
  let weights: UnsafePointer<Float>
  let read: BlockedShape
  let written: BlockedShape
  let window: Window
  let ending: ConvolutionEnding

  /// Computes all rows, with vectors of a block of channels.
  @inline(__always)
  func run<Channels: SIMD<Float>>(_ channels: Channels.Type) {
    rows.terms.withUnsafeBufferPointer { rowTerms in
      columns.runs.withUnsafeBufferPointer { runs in
        columns.terms.withUnsafeBufferPointer { terms in
          parallel(written.planes * written.h) { unit in
            let (plane, row) = unit.quotientAndRemainder(dividingBy: written.h)
            for run in runs { fill(run, rowTerms, terms, plane: plane, row: row, channels) }
          }
        }
      }
    }
  }

  /// Computes the pixels of a run in one row.
  @inline(__always)
  private func fill<Channels: SIMD<Float>>(
    _ run: DepthwiseAxis.Run, _ rowTerms: UnsafeBufferPointer<DepthwiseAxis.Term>,
    _ terms: UnsafeBufferPointer<DepthwiseAxis.Term>, plane: Int, row: Int, _: Channels.Type
  ) {
    let block = Channels.scalarCount
    let channelBlock = plane % written.channelBlocks
    let kernel = weights + channelBlock &* window.area &* block
    let result = target + (plane &* written.area &+ row &* written.w) &* block
    let bias = ending.bias.map { ($0 + channelBlock &* block).vector(Channels.self) } ?? Channels()
    let place = rows.places[row]
    let rowRun = rows.runs[place.run]
    let first = source + (plane &* read.area &+ place.index &* rowRun.sourceStep &* read.w) &* block
    /// Hands out what a pixel of the run reads with each tap, and the tap's weight.
    @inline(__always)
    func forEachTerm(_ index: Int, _ body: (_ source: UnsafePointer<Float>, _ weight: Channels) -> Void) {
      for rowTerm in rowRun.terms {
        let line = first + (rowTerms[rowTerm].source &* read.w &+ index &* run.sourceStep) &* block
        let taps = kernel + rowTerms[rowTerm].tap &* window.columns.length &* block
        for term in run.terms {
          body(line + terms[term].source &* block, (taps + terms[term].tap &* block).vector(Channels.self))
        }
      }
    }
    @inline(__always)
    func store(_ sum: Channels, _ index: Int) {
      let place = result + (run.firstTarget &+ index &* run.targetStep) &* block
      var sum = sum + bias
      if ending.adds { sum += UnsafePointer(place).vector(Channels.self) }
      if ending.rectifies { sum = sum.replacing(with: 0, where: sum .< 0) }
      UnsafeMutableRawPointer(place).storeBytes(of: sum, as: Channels.self)
    }
    let step = run.sourceStep &* block
    var index = 0
    while index &+ 4 <= run.count {
      var (s0, s1, s2, s3) = (Channels(), Channels(), Channels(), Channels())
      forEachTerm(index) { source, weight in
        s0.addProduct(source.vector(Channels.self), weight)
        s1.addProduct((source + step).vector(Channels.self), weight)
        s2.addProduct((source + 2 &* step).vector(Channels.self), weight)
        s3.addProduct((source + 3 &* step).vector(Channels.self), weight)
      }
      store(s0, index)
      store(s1, index &+ 1)
      store(s2, index &+ 2)
      store(s3, index &+ 3)
      index &+= 4
    }
    while index < run.count {
      var sum = Channels()
      forEachTerm(index) { source, weight in sum.addProduct(source.vector(Channels.self), weight) }
      store(sum, index)
      index &+= 1
    }
  }
}

extension UnsafePointer<Float> {
  /// The floats from an address on; no alignment is assumed.
  @inline(__always)
  func vector<Channels: SIMD<Float>>(_: Channels.Type) -> Channels {
    UnsafeRawPointer(self).loadUnaligned(as: Channels.self)
  }
}

extension Elements {
  /// Activations that are known to be floats.
  var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
}

extension ConvolutionProblem {
  /// Whether every channel has a kernel of its own.
  var isDepthwise: Bool { groups > 1 && groups == weight.n && weight.c == 1 && isBlocked }

  /// The kernels of a block of channels side by side, tap after tap.
  var depthwiseForm: WeightForm {
    WeightForm(layout: Layout(weightExtents, .blockedGroups(engine.channelBlock)))
  }
}

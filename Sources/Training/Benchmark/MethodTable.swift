import Graph
import Tensors

/// How long each method takes for each pass of a convolution, alone.
struct MethodTable {
  private let timings: [MethodTiming]

  /// The table of what was timed.
  init(_ timings: [MethodTiming]) { self.timings = timings }

  /// Whether nothing was timed.
  var isEmpty: Bool { timings.isEmpty }

  /// A row for each pass, the longest first: milliseconds and billions of operations of the defining sum a second.
  var text: String {
    let passes = Dictionary(grouping: timings, by: \.convolution).values.sorted { longest($0) > longest($1) }
    let algorithms = ConvolutionAlgorithm.allCases
    let width = (timings.map(\.convolution.count).max() ?? 0) + 2
    let heading =
      NumberText.left("each method alone, ms and GFLOP/s of the defining sum", width)
      + algorithms.map { NumberText.right($0.rawValue, 16) }.joined()
    let rows = passes.map { pass in
      NumberText.left(pass[0].convolution, width)
        + algorithms.map { algorithm in
          guard let timing = pass.first(where: { $0.algorithm == algorithm }) else { return NumberText.right("-", 16) }
          let rate = timing.floatingPointOperations / timing.seconds / 1e9
          return NumberText.right(
            "\(NumberText.fixed(timing.seconds * 1e3, 2)) \(NumberText.right(NumberText.fixed(rate, 0), 5))", 16)
        }.joined()
    }
    return ([heading] + rows).joined(separator: "\n")
  }

  private func longest(_ pass: [MethodTiming]) -> Double { pass.map(\.seconds).max() ?? 0 }
}

import Tensors

/// The parameters of a model in flat arenas, in the layouts that their convolutions want.
///
/// Trained parameters lie in the order in which their gradients complete, at the same offset in three arenas: values,
/// gradients and momentum. The gradient arena starts with a head of `headCount` floats for sums that ride along with
/// the first bucket (the loss, a non-finite flag) and ends with the running statistics, which ride with the last:
///
///     gradients:  [ head | gradients of trained parameters, in completion order | running statistics ]
///     values:     [  -   | trained parameters, same offsets                     ]
///     momentum:   [  -   | momentum, same offsets                               ]
///     squares:    [  -   | running means of squared gradients, same offsets     ]  where the optimizer has them
///     averages:   [  -   | averages of the values, same offsets                 | those of the statistics ]  where asked for
///
/// Frozen parameters have an arena of their own.
public final class ParameterStore {
  /// Floats in front of the first gradient.
  public static let headCount = 16

  /// Where one parameter lives.
  struct Entry {
    let parameter: Parameter
    let layout: Layout
    /// First float in the arena of its role.
    let offset: Int
    /// Floats with padding.
    let count: Int
  }

  /// The parameters, in the order of the graph.
  public let parameters: [Parameter]
  /// The floats of the head and all trained parameters: gradients in `headCount..<trainedEnd`.
  public let trainedEnd: Int
  /// The floats of the gradient arena with its head and the running statistics.
  public let gradientCount: Int
  /// The floats of each trained parameter in the arenas, ascending, with padding.
  public let trainedRanges: [Range<Int>]
  /// For each of these, whether it is a vector of channels (a bias, or batch-norm's scale or shift).
  let trainedVectors: [Bool]
  /// Runs of trained floats with one decay setting, ascending.
  public let decayRuns: [(range: Range<Int>, decays: Bool)]

  let engine: Engine
  private let entries: [String: Entry]
  private let values: AlignedMemory
  private let gradients: AlignedMemory
  private let momentum: AlignedMemory
  private let frozen: AlignedMemory
  private var squares: AlignedMemory?
  private var averages: AlignedMemory?

  /// Places parameters; `trainedOrder` lists the trained ones as their gradients complete.
  init(_ parameters: [Parameter], layouts: [Layout], trainedOrder: [Int], engine: Engine) {
    func padded(_ layout: Layout) -> Int { (layout.byteCount / 4 + 15) / 16 * 16 }
    var entries: [String: Entry] = [:]
    var offset = Self.headCount
    var runs: [(range: Range<Int>, decays: Bool)] = []
    var ranges: [Range<Int>] = []
    var vectors: [Bool] = []
    for index in trainedOrder {
      let parameter = parameters[index]
      guard case .trained(let decays) = parameter.role else { continue }
      let count = padded(layouts[index])
      entries[parameter.name] = Entry(parameter: parameter, layout: layouts[index], offset: offset, count: count)
      if let last = runs.last, last.decays == decays {
        runs[runs.count - 1].range = last.range.lowerBound..<offset + count
      } else {
        runs.append((offset..<offset + count, decays))
      }
      ranges.append(offset..<offset + count)
      vectors.append(parameter.isVector)
      offset += count
    }
    trainedEnd = offset
    (trainedRanges, trainedVectors) = (ranges, vectors)
    var frozenOffset = 0
    for (index, parameter) in parameters.enumerated() {
      let count = padded(layouts[index])
      switch parameter.role {
      case .trained: continue
      case .runningStatistic:
        entries[parameter.name] = Entry(parameter: parameter, layout: layouts[index], offset: offset, count: count)
        offset += count
      case .frozen:
        entries[parameter.name] = Entry(
          parameter: parameter, layout: layouts[index], offset: frozenOffset, count: count)
        frozenOffset += count
      }
    }
    gradientCount = offset
    decayRuns = runs
    self.parameters = parameters
    self.entries = entries
    self.engine = engine
    values = AlignedMemory(byteCount: trainedEnd * 4)
    gradients = AlignedMemory(byteCount: gradientCount * 4)
    momentum = AlignedMemory(byteCount: trainedEnd * 4)
    frozen = AlignedMemory(byteCount: frozenOffset * 4)
  }

  /// Floats of all trained and frozen parameters without padding or running statistics.
  public var parameterCount: Int {
    parameters.reduce(0) { $0 + ($1.role == .runningStatistic ? 0 : $1.shape.count) }
  }

  /// The gradient arena with its head and tail.
  public var gradientArena: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: gradients.pointer(to: Float.self), count: gradientCount)
  }

  /// The values of the trained parameters, at the offsets of their gradients.
  public var valueArena: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: values.pointer(to: Float.self), count: trainedEnd)
  }

  /// The momentum of the trained parameters, at the offsets of their gradients.
  public var momentumArena: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: momentum.pointer(to: Float.self), count: trainedEnd)
  }

  /// Running means of squared gradients, at the offsets of the gradients; nil where nobody asked for them.
  public var squareArena: UnsafeMutableBufferPointer<Float>? {
    squares.map { UnsafeMutableBufferPointer(start: $0.pointer(to: Float.self), count: trainedEnd) }
  }

  /// Averages of the trained parameters and, behind them, of the running statistics; nil where nobody asked for them.
  public var averageArena: UnsafeMutableBufferPointer<Float>? {
    averages.map { UnsafeMutableBufferPointer(start: $0.pointer(to: Float.self), count: gradientCount) }
  }

  /// Keeps running means of squared gradients from now on, which are this at first; once they are kept it does nothing.
  public func keepSquares(startingAt value: Float) {
    if squares != nil { return }
    squares = AlignedMemory(byteCount: trainedEnd * 4)
    squareArena?.update(repeating: value)
  }

  /// Keeps averages from now on, 0 until `startAverages` or a checkpoint sets them.
  public func keepAverages() { averages = averages ?? AlignedMemory(byteCount: gradientCount * 4) }

  /// The frozen parameters.
  public var frozenArena: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: frozen.pointer(to: Float.self), count: frozen.byteCount / 4)
  }

  func entry(_ name: String) -> Entry {
    guard let entry = entries[name] else { fatalError("no parameter \(name)") }
    return entry
  }

  func valuePointer(_ name: String) -> UnsafeMutablePointer<Float> {
    let entry = entry(name)
    switch entry.parameter.role {
    case .trained: return values.pointer(to: Float.self, at: entry.offset * 4)
    case .runningStatistic: return gradients.pointer(to: Float.self, at: entry.offset * 4)
    case .frozen: return frozen.pointer(to: Float.self, at: entry.offset * 4)
    }
  }

  func gradientPointer(_ name: String) -> UnsafeMutablePointer<Float> {
    gradients.pointer(to: Float.self, at: entry(name).offset * 4)
  }
}

/// Canonical views, for checkpoints, goldens and messages.
extension ParameterStore {
  /// Which tensor of a parameter is meant.
  public enum Part: Sendable {
    /// The parameter itself.
    case value
    /// Its gradient of the last backward run; trained parameters only.
    case gradient
    /// Its momentum; trained parameters only.
    case momentum
    /// The running mean of its squared gradients; trained parameters only, after `keepSquares`.
    case square
    /// Its average; trained parameters and running statistics only, after `keepAverages`.
    case average
  }

  /// The names of all parameters, in the order of the graph.
  public var names: [String] { parameters.map(\.name) }

  /// The trained parameter that holds a float of the gradient arena, for messages.
  public func name(atGradientOffset offset: Int) -> String? {
    entries.values.first { $0.parameter.role != .frozen && ($0.offset..<$0.offset + $0.count).contains(offset) }?
      .parameter.name
  }

  private func pointer(_ name: String, _ part: Part) -> UnsafeMutablePointer<Float> {
    switch part {
    case .value: return valuePointer(name)
    case .gradient: return gradientPointer(name)
    case .momentum: return momentum.pointer(to: Float.self, at: entry(name).offset * 4)
    case .square: return kept(squares, "squares").pointer(to: Float.self, at: entry(name).offset * 4)
    case .average: return kept(averages, "averages").pointer(to: Float.self, at: entry(name).offset * 4)
    }
  }

  private func kept(_ memory: AlignedMemory?, _ what: String) -> AlignedMemory {
    guard let memory else { fatalError("the store keeps no \(what)") }
    return memory
  }

  /// A tensor in canonical row-major order.
  public func read(_ name: String, _ part: Part = .value) -> [Float] {
    [Float](unsafeUninitializedCapacity: entry(name).parameter.shape.count) { target, count in
      if let base = target.baseAddress { read(name, part, into: base) }
      count = target.count
    }
  }

  /// Copies a tensor in canonical row-major order to memory that has room for it.
  public func read(_ name: String, _ part: Part = .value, into target: UnsafeMutablePointer<Float>) {
    let entry = entry(name)
    reorder(from: pointer(name, part), entry.layout, to: target, entry.layout.plain, engine: engine)
  }

  /// Sets a tensor from canonical row-major order; padding lanes become zero.
  public func write(_ name: String, _ part: Part = .value, _ canonical: [Float]) {
    let entry = entry(name)
    require(
      canonical.count == entry.parameter.shape.count,
      "\(name) holds \(entry.parameter.shape.count) values, not \(canonical.count)")
    canonical.withUnsafeBufferPointer { source in
      if let base = source.baseAddress {
        reorder(from: base, entry.layout.plain, to: pointer(name, part), entry.layout, engine: engine)
      }
    }
  }

  /// Gives every parameter its initial values.
  public func initialize(seed: UInt64) {
    for parameter in parameters { write(parameter.name, .value, parameter.initialValues(seed: seed)) }
  }
}

import ONNX
import Regularization
import Tensors

/// How a batch-norm normalises, learns and remembers.
public struct BatchNorm: Hashable, Sendable {
  /// Over which images the mean and variance of training are taken.
  public enum Statistics: String, Hashable, Sendable, CaseIterable {
    /// Those of this rank, as on TPU.
    case local
    /// Those of all ranks.
    case global
  }

  /// Whether scale and shift are learned and statistics come from the batch; else all four tensors are constants.
  public var isTrained: Bool
  /// Over which images statistics are taken.
  public var statistics: Statistics
  /// The share of the old running value that one update keeps: the paper's "decay", 1 minus PyTorch's momentum.
  public var retention: Float
  /// Added to the variance.
  public var epsilon: Float
  /// The scale before training.
  public var initialScale: Float = 1

  /// A batch-norm.
  public init(isTrained: Bool, statistics: Statistics, retention: Float, epsilon: Float) {
    (self.isTrained, self.statistics, self.retention, self.epsilon) = (isTrained, statistics, retention, epsilon)
  }
}

/// What follows a normalisation in the same pass over memory.
public enum Activation: Hashable, Sendable {
  /// Nothing.
  case none
  /// max(0, x).
  case relu
}

/// Batch normalisation (Ioffe and Szegedy 2015) with what follows it in the same pass: ReLU, a mask, a residual sum.
///
/// y = activation(m * factor * ((x - mean) / sqrt(variance + epsilon) * weight + bias) + shortcut): a regulariser's mask m
/// and its factor are constants of the step and ride on the pass that writes y. An identity shortcut may have a mask of
/// its own.
struct BatchNormOperation: Operation {
  let name: String
  let input: Value
  let outputValue: Value
  let options: BatchNorm
  let activation: Activation
  let site: MaskSite?
  /// The other side of a residual sum.
  let shortcut: (value: Value, site: MaskSite?)?
  let weight: ParameterID
  let bias: ParameterID
  let runningMean: ParameterID
  let runningVariance: ParameterID

  /// Whether a regulariser acts on its output or on an identity shortcut.
  var hasMask: Bool { site != nil || shortcut?.site != nil }

  var inputs: [Value] { [input] + (shortcut.map { [$0.value] } ?? []) }
  var outputs: [Value] { [outputValue] }
  var parameters: [ParameterID] { [weight, bias] }

  func shift(of value: Value) -> ChannelShift {
    options.isTrained && value == input && value != shortcut?.value ? .removed : .felt
  }

  func plan(_ planner: Planner) -> any PlannedOperation {
    planner.folding.contains(self) ? FoldedBatchNorm() : PlannedBatchNorm(self, planner)
  }

  func addONNX(to translation: ONNXTranslation) {
    var result = translation.name(of: input)
    if !translation.folding.contains(self) {
      let vectors = [weight, bias, runningMean, runningVariance].map(translation.constant)
      result = translation.add(
        "BatchNormalization", for: self, [result] + vectors, [ONNXAttribute("epsilon", .float(options.epsilon))])
    }
    if let shortcut { result = translation.add("Add", for: self, [result, translation.name(of: shortcut.value)]) }
    translation.define(outputValue, as: translation.add(activation, for: self, on: result))
  }
}

extension Graph {
  /// Batch normalisation of (N, C, H, W) over N, H and W.
  ///
  /// Parameters are `name.weight`, `name.bias`, `name.running_mean` and `name.running_var`, all (C), as in PyTorch; the
  /// running variance is that of the sample, times M / (M - 1).
  /// - Parameter mask: the place where a regulariser may mask the output, if it is one.
  public func batchNorm(
    _ name: String, _ input: Value, _ options: BatchNorm, activation: Activation, mask: MaskPlace? = nil
  ) -> Value {
    batchNorm(
      name, input, options, activation: activation, site: newMaskSite(name, mask, input.shape), shortcut: nil)
  }

  /// The end of a residual block: activation(batchNorm(branch) + shortcut), each side with an optional mask.
  ///
  /// - Parameters:
  ///   - mask: the place where a regulariser may mask the normalised branch, if it is one.
  ///   - shortcutMask: the name and the place of an identity shortcut that a regulariser may mask here.
  public func batchNormJoin(
    _ name: String, _ branch: Value, _ options: BatchNorm, shortcut: Value, activation: Activation = .relu,
    mask: MaskPlace? = nil, shortcutMask: (site: String, place: MaskPlace)? = nil
  ) -> Value {
    require(branch.shape == shortcut.shape, "\(name): branch \(branch.shape) and shortcut \(shortcut.shape) differ")
    let site = newMaskSite(name, mask, branch.shape)
    let shortcutSite = shortcutMask.flatMap { newMaskSite($0.site, $0.place, branch.shape) }
    return batchNorm(name, branch, options, activation: activation, site: site, shortcut: (shortcut, shortcutSite))
  }

  private func batchNorm(
    _ name: String, _ input: Value, _ options: BatchNorm, activation: Activation, site: MaskSite?,
    shortcut: (value: Value, site: MaskSite?)?
  ) -> Value {
    let channels = input.shape.c
    let learned: Parameter.Role = options.isTrained ? .trained(decay: false) : .frozen
    let running: Parameter.Role = options.isTrained ? .runningStatistic : .frozen
    func vector(_ suffix: String, _ role: Parameter.Role, _ value: Float) -> ParameterID {
      parameter(.vector("\(name).\(suffix)", channels: channels, role: role, .constant(value)))
    }
    let output = newValue(input.shape)
    append(
      BatchNormOperation(
        name: name, input: input, outputValue: output, options: options, activation: activation, site: site,
        shortcut: shortcut,
        weight: vector("weight", learned, options.initialScale), bias: vector("bias", learned, 0),
        runningMean: vector("running_mean", running, 0), runningVariance: vector("running_var", running, 1)))
    return output
  }
}

private final class PlannedBatchNorm: PlannedOperation {
  private let operation: BatchNormOperation
  private let shape: BlockedShape
  private let cachedRuns: [ChannelRun]
  private let whole: [ChannelRun]
  private let usesBatchStatistics: Bool
  private let mask: MaskSlot?
  private let shortcutMask: MaskSlot?
  /// Statistics, scale and shift of each channel, from forward to backward.
  private let channelValues: Buffer
  private let weight: ParameterSlot
  private let bias: ParameterSlot
  private let runningMean: ParameterSlot
  private let runningVariance: ParameterSlot

  init(_ operation: BatchNormOperation, _ planner: Planner) {
    self.operation = operation
    shape = BlockedShape(operation.input.shape, channelBlock: planner.engine.channelBlock)
    (cachedRuns, whole) = (shape.cachedRuns, [shape.whole])
    usesBatchStatistics = planner.mode == .training && operation.options.isTrained
    mask = planner.mask(operation.site)
    shortcutMask = planner.mask(operation.shortcut?.site)
    channelValues = planner.newBuffer(
      "\(operation.name) statistics", byteCount: BatchNormChannels.byteCount(shape))
    weight = planner.slots[operation.weight.index]
    bias = planner.slots[operation.bias.index]
    runningMean = planner.slots[operation.runningMean.index]
    runningVariance = planner.slots[operation.runningVariance.index]
    for slot in [weight, bias, runningMean, runningVariance] {
      slot.adopt(Layout([operation.input.shape.c], .plain))
    }
  }

  /// Channels that are treated together: all of them where their statistics are those of all ranks, or constants.
  private func runs(_ context: RunContext) -> [ChannelRun] {
    usesBatchStatistics && sumsOverRanks(context) == nil ? cachedRuns : whole
  }

  /// Whether the backward pass works out from x what the ReLU let pass.
  private var rectifiesAgain: Bool {
    usesBatchStatistics && operation.activation == .relu && operation.shortcut == nil
  }

  private var kind: String { operation.shortcut == nil ? "batch-norm" : "batch-norm and sum" }

  func addForward(to planner: Planner) {
    let (x, y) = (planner.buffer(of: operation.input), planner.buffer(of: operation.outputValue))
    let shortcut = operation.shortcut.map { planner.buffer(of: $0.value) }
    let sums = planner.newBuffer("\(operation.name) sums", byteCount: 2 * shape.paddedChannels * 8)
    planner.add(
      Step(
        operation.name, kind: kind, .forward, reads: [x] + (shortcut.map { [$0] } ?? []),
        writes: [y, sums, channelValues]
      ) { [self] context in
        let channels = BatchNormChannels(channelValues, shape)
        for run in runs(context) {
          if usesBatchStatistics {
            gatherStatistics(x, run, sums, channels, context)
          } else {
            BatchNormForwardKernel.useRunning(
              mean: runningMean.value, variance: runningVariance.value, gamma: weight.value, beta: bias.value,
              epsilon: operation.options.epsilon, run, into: channels)
          }
          if let shortcut {
            ResidualJoinKernel.forward(
              x.elements, scale: channels.scale, shift: channels.shift, mask: mask.mask, shortcut: shortcut.elements,
              shortcutMask: shortcutMask.mask, relu: operation.activation == .relu, y.elements, run)
          } else {
            BatchNormForwardKernel.scaleShift(
              x.elements, y.elements, run, scale: channels.scale, shift: channels.shift,
              relu: operation.activation == .relu, mask: mask.mask)
          }
        }
      })
  }

  /// Mean and variance of the batch, of this rank or of all, and the running statistics.
  private func gatherStatistics(
    _ x: Buffer, _ run: ChannelRun, _ sums: Buffer, _ channels: BatchNormChannels, _ context: RunContext
  ) {
    let (sum, sumOfSquares) = halves(sums)
    BatchNormForwardKernel.sums(x.elements, run, sum: sum, sumOfSquares: sumOfSquares)
    let count = sumOverRanks(sums, context)
    BatchNormForwardKernel.finish(
      sum: sum, sumOfSquares: sumOfSquares, count: count, gamma: weight.value, beta: bias.value,
      epsilon: operation.options.epsilon, run, into: channels)
    BatchNormForwardKernel.updateRunning(
      mean: runningMean.value, variance: runningVariance.value, retention: operation.options.retention, count: count,
      unbiased: true, run, from: channels)
  }

  /// The two halves of a buffer of per-channel sums.
  private func halves(_ sums: Buffer) -> (UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>) {
    let first = sums.base.assumingMemoryBound(to: Double.self)
    return (first, first + shape.paddedChannels)
  }

  /// What sums over ranks, where statistics are global.
  private func sumsOverRanks(_ context: RunContext) -> (any RankSums)? {
    operation.options.statistics == .global ? context.rankSums : nil
  }

  /// Makes sums those of all ranks where statistics are global; returns the elements of a channel that they cover.
  private func sumOverRanks(_ sums: Buffer, _ context: RunContext) -> Double {
    let count = Double(shape.elementsPerChannel)
    guard let rankSums = sumsOverRanks(context) else { return count }
    rankSums.sum(UnsafeMutableBufferPointer(start: halves(sums).0, count: 2 * shape.paddedChannels))
    return count * Double(rankSums.rankCount)
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(
      outputGradients[0], limit: 2, name: operation.name, shape: operation.outputValue.shape)
    let (x, y) = (planner.buffer(of: operation.input), planner.buffer(of: operation.outputValue))
    // Where a ReLU's result is needed to undo it: x tells it too, if it is read and no shortcut was added.
    let output = operation.activation == .relu && !rectifiesAgain ? y : nil
    let join = joinGradients(addends, planner)
    let free = (addends + (join.sum.map { [$0] } ?? [])).filter { !(join.sumIsShared && $0 === join.sum) }
    let result =
      planner.wantsGradient(operation.input)
      ? planner.overwritable(free, label: "\(operation.name) input gradient", operation.input.shape) : nil
    let sums = planner.newBuffer("\(operation.name) sums", byteCount: 2 * shape.paddedChannels * 8)
    let step = Step(
      operation.name, kind: kind, .backward,
      reads: addends + [channelValues] + (usesBatchStatistics ? [x] : []) + (output.map { [$0] } ?? []),
      writes: [sums] + [result, join.sum, join.shortcut].compactMap { $0 }
    ) { [self] context in
      let channels = BatchNormChannels(channelValues, shape)
      // Where ReLU stands behind the mask, its output tells what was dropped: that is 0 and passes no gradient.
      let gradient = IncomingGradient(addends, output: output, mask: mask.mask)
      let parts = JoinGradient(
        sum: join.sum?.elements, shortcut: join.shortcut.map { ($0.elements, shortcutMask.mask) })
      if usesBatchStatistics {
        for run in runs(context) { backward(gradient, parts, x, run, sums, channels, into: result, context) }
      } else {
        BatchNormBackwardKernel.applyFrozen(gradient, result?.elements, shape.whole, scale: channels.scale, join: parts)
      }
    }
    planner.add(step)
    if planner.isTrained(operation.weight) {
      weight.noteGradient(step)
      bias.noteGradient(step)
    }
    if let result { planner.addGradient(result, to: operation.input) }
    if let shortcut = operation.shortcut?.value, let gradient = join.shortcut ?? (join.sumIsShared ? join.sum : nil) {
      planner.addGradient(gradient, to: shortcut)
    }
  }

  /// Where the gradient of a residual sum is kept: for the second pass over it, for the shortcut, or for both.
  private struct JoinGradients {
    var sum: Buffer?
    /// That of a shortcut with a mask of its own.
    var shortcut: Buffer?
    /// Whether the shortcut takes the gradient of the sum as its own.
    var sumIsShared = false
  }

  private func joinGradients(_ addends: [Buffer], _ planner: Planner) -> JoinGradients {
    guard let shortcut = operation.shortcut else { return JoinGradients() }
    let isWanted = planner.wantsGradient(shortcut.value)
    var gradients = JoinGradients(sumIsShared: isWanted && shortcutMask == nil)
    if usesBatchStatistics || gradients.sumIsShared {
      gradients.sum = planner.overwritable(addends, label: "\(operation.name) sum gradient", operation.input.shape)
    }
    if isWanted && shortcutMask != nil {
      gradients.shortcut = planner.newActivation("\(operation.name) shortcut gradient", operation.input.shape)
    }
    return gradients
  }

  private func backward(
    _ gradient: IncomingGradient, _ join: JoinGradient, _ x: Buffer, _ run: ChannelRun, _ sums: Buffer,
    _ channels: BatchNormChannels, into result: Buffer?, _ context: RunContext
  ) {
    let (sum, sumOfProducts) = halves(sums)
    BatchNormBackwardKernel.sums(
      x.elements, gradient, run, channels: channels, rectifies: rectifiesAgain, sum: sum,
      sumOfProducts: sumOfProducts, join: join)
    // Scale and shift get this rank's share of their gradient; the allreduce of gradients adds the others.
    BatchNormBackwardKernel.parameterGradients(
      sum: sum, sumOfProducts: sumOfProducts, run, gamma: weight.gradient, beta: bias.gradient, accumulate: false)
    let count = sumOverRanks(sums, context)
    if let result {
      BatchNormBackwardKernel.apply(
        x.elements, join.sum.value.map { IncomingGradient($0, mask: mask.mask) } ?? gradient, result.elements, run,
        gamma: weight.value, channels: channels, rectifies: rectifiesAgain, sum: sum, sumOfProducts: sumOfProducts,
        count: count)
    }
  }
}

extension BatchNormChannels {
  /// Bytes of a buffer of channel values.
  static func byteCount(_ shape: BlockedShape) -> Int { 5 * shape.paddedChannels * 4 }

  /// Views of a buffer of channel values.
  init(_ buffer: Buffer, _ shape: BlockedShape) {
    func vector(_ index: Int) -> UnsafeMutablePointer<Float> { buffer.floats + index * shape.paddedChannels }
    self.init(
      mean: vector(0), variance: vector(1), inverseDeviation: vector(2), scale: vector(3), shift: vector(4))
  }
}

import Detection
import Graph
import Tensors

@testable import Distributed
@testable import Training

/// A small detector of the paper's form and a rule for its images, to train for a few steps on any number of ranks.
///
/// The image at a position of the global batch is a pure function of the step and the position, so that one rank can
/// work on what several ranks share elsewhere.
struct SyntheticTraining {
  static let classes = 5
  /// The learning rate of every step.
  static let learningRate = 1e-3

  /// Pixels of a side.
  let side: Int
  /// What is trained and how; everything global, so that the number of ranks does not matter.
  var configuration: Configuration
  /// Turns a batch bad after it was made; nil for ordinary training.
  var spoil: ((_ step: Int, _ position: Int, inout Sample) -> Void)?

  /// An image with its objects.
  struct Sample {
    var image: [Float]
    var targets: AnchorTargets
  }

  init(side: Int) {
    self.side = side
    configuration = Configuration(form: .paper)
    configuration.model.depth = .resNet18
    configuration.model.classes = Self.classes
    configuration.input.size = Configuration.ImageSize(height: side, width: side)
    configuration.makeRanksOne()
    configuration.batch.perRank = 1
  }

  /// A replica with its initial parameters: the same bits for every batch and rank.
  ///
  /// The last batch-norm of a block starts at 1/2 here, not at the form's 0, with which every branch would be silent and
  /// its DropBlock without effect.
  func replica(on communicator: Communicator, totalSteps: Int = 5) throws -> Replica<Detector> {
    let detector = Detector(configuration)
    let batch = try configuration.batchPlan(ranks: communicator.size)
    let plan = Plan(
      detector.trainingGraph(imagesPerRank: batch.perRank), engine: Engine(), mode: .training, policy: .direct)
    let store = plan.parameters
    store.initialize(seed: configuration.random.seed)
    for parameter in store.parameters where parameter.initializer == .constant(0) && parameter.name.hasSuffix("weight")
    {
      store.write(parameter.name, .value, [Float](repeating: 0.5, count: parameter.shape.count))
    }
    plan.parametersChanged()
    return Replica(detector, plan: plan, communicator: communicator, batch: batch, totalSteps: totalSteps)
  }

  /// Runs the steps in order and returns what each found.
  @discardableResult
  func train(
    _ replica: Replica<Detector>, steps: Range<Int>, isRegularized: Bool = true
  ) throws -> [Replica<Detector>.Result] {
    try steps.map { step in
      try withBatches(replica, step: step) { next in
        try replica.step(step, learningRate: Self.learningRate, isRegularized: isRegularized, nextBatch: next)
      }
    }
  }

  /// Lends the micro-batches of a step, one after the other.
  func withBatches<Result>(
    _ replica: Replica<Detector>, step: Int, _ body: (_ next: () -> Replica<Detector>.MicroBatch) throws -> Result
  ) rethrows -> Result {
    let anchors = replica.task.anchors(height: side, width: side)
    var pass = 0
    let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: replica.plan.inputImages.count)
    defer { memory.deallocate() }
    return try body {
      let communicator = replica.communicator
      let place = replica.batch.order.place(
        ofPass: pass, rank: communicator.rank, passes: replica.batch.accumulate, ranks: communicator.size)
      let first = place * replica.batch.perRank
      let samples = (first..<first + replica.batch.perRank).map { position in
        var sample = sample(step: step, position: position, anchors)
        spoil?(step, position, &sample)
        return sample
      }
      pass += 1
      _ = memory.initialize(from: samples.flatMap(\.image))
      return Replica.MicroBatch(images: UnsafeBufferPointer(memory), targets: samples.map(\.targets))
    }
  }

  /// Noise with one to four bright rectangles, the objects.
  private func sample(step: Int, position: Int, _ anchors: Anchors) -> Sample {
    var random = RandomSequence(Philox(seed: 7, stream: 1), UInt32(step), UInt32(position), 0)
    var image = (0..<3 * side * side).map { _ in random.normal() }
    var boxes: [Box] = []
    var classes: [Int] = []
    for object in 0..<1 + (2 * position + step) % 4 {
      let extent = (0..<2).map { _ in 24 + Int(40 * random.uniform()) }
      let corner = extent.map { Int(Float(side - $0) * random.uniform()) }
      boxes.append(
        Box(
          x1: Float(corner[0]), y1: Float(corner[1]), x2: Float(corner[0] + extent[0]),
          y2: Float(corner[1] + extent[1])))
      classes.append((position + object) % Self.classes)
      for channel in 0..<3 {
        let level = 2 * random.normal()
        for y in corner[1]..<corner[1] + extent[1] {
          for x in corner[0]..<corner[0] + extent[0] { image[(channel * side + y) * side + x] += level }
        }
      }
    }
    return Sample(image: image, targets: anchors.targets(boxes: boxes, classIndices: classes))
  }
}

extension Configuration {
  /// Makes everything global, so that the number of ranks does not matter, with a strong DropBlock from the first step on.
  mutating func makeRanksOne() {
    batchNorm.statistics = .global
    batchNorm.decay = 0.9
    loss.normalizer = .global
    dropBlock.normalizer = .global
    dropBlock.blockSize = 3
    dropBlock.keepProbability = 0.8
    dropBlock.schedule = .constant
    random.stream = .sample
    planner.algorithms = .direct
  }
}

extension Communicator {
  /// One rank that knows of no others.
  static func alone() -> Communicator { Communicator(aloneOn: "here", deadlineSeconds: 60) }

  /// Finite numbers that the first rank works out for all, while the others wait.
  func onFirstRank(_ body: () throws -> [Double]) throws -> [Double] {
    try broadcast(value: try collectively { rank == 0 ? try body() : [] })
  }
}

extension Replica {
  /// Checksums of the learned parameters, their momentum and the running statistics: equal when every bit is.
  var checksums: [String] {
    let store = plan.parameters
    return [store.valueArena, store.momentumArena, store.runningStatistics].map { arena in
      // FNV-1a over words: a change of one word always changes it.
      let sum = arena.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1.bitPattern)) &* 0x0000_0100_0000_01b3 }
      return String(sum, radix: 16)
    }
  }
}

extension ParameterStore {
  /// All parameters, or all running statistics, one after the other in canonical order.
  func all(_ wanted: (Parameter.Role) -> Bool) -> [Float] {
    parameters.filter { wanted($0.role) }.flatMap { read($0.name) }
  }

  /// Every learned or frozen parameter.
  var allParameters: [Float] { all { $0 != .runningStatistic } }
  /// Every running mean and variance.
  var allStatistics: [Float] { all { $0 == .runningStatistic } }
}

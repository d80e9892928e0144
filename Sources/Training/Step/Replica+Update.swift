import Distributed
import Graph
import Tensors

extension Replica {
  /// An update under way: buckets are started in order, and moved in order.
  struct Update {
    let descent: ParameterStore.Descent
    let timeline: Timeline?
    /// Buckets below it are started.
    var started = 0
    /// Buckets below it have arrived, and their slices of the parameters have moved.
    var moved = 0
    /// The head of all ranks, once it has arrived.
    var head: StepHead?

    init(_ descent: ParameterStore.Descent, _ timeline: Timeline?) {
      (self.descent, self.timeline) = (descent, timeline)
    }
  }

  /// The last backward pass: each bucket leaves when its gradients are final, and its slice of the parameters moves once
  /// it is back and nobody reads them any more.
  func backward(_ context: RunContext, _ update: inout Update) throws {
    var context = context
    var failure: (any Error)?
    withUnsafeMutablePointer(to: &update) { update in
      context.afterBackwardStep = { [self] progress in
        if failure != nil { return }
        do {
          try startBuckets(&update.pointee, complete: progress.completeGradients)
          try reducer.progress()
          try moveArrived(&update.pointee, released: progress.releasedParameters)
        } catch { failure = error }
      }
      plan.backward(context)
    }
    if let failure { throw failure }
    try startBuckets(&update, complete: plan.parameters.gradientCount)
  }

  /// Starts every bucket whose gradients are final.
  private func startBuckets(_ update: inout Update, complete: Int) throws {
    let ranges = reducer.buckets.ranges
    while update.started < ranges.count, ranges[update.started].upperBound <= complete {
      passSum.add(to: ranges[update.started])
      try reducer.start(bucket: update.started)
      update.started += 1
    }
  }

  /// Moves the slices of the buckets that have arrived and whose parameters are released.
  private func moveArrived(_ update: inout Update, released: Int) throws {
    let ranges = reducer.buckets.ranges
    while update.moved < update.started, ranges[update.moved].upperBound <= released,
      try reducer.isComplete(bucket: update.moved)
    { move(&update) }
  }

  /// Takes the next bucket, which has arrived: bucket 0 says whether any slice moves at all.
  private func move(_ update: inout Update) {
    let (store, bucket) = (plan.parameters, update.moved)
    let head = update.head ?? StepHead(reading: store.gradientArena)
    if head.isFinite {
      update.timeline.measure(.descent(bucket)) { store.descend(reducer.buckets.ranges[bucket], update.descent) }
    }
    update.head = head
    update.moved += 1
  }

  /// Waits for the buckets that are left and moves their slices; returns the head of all ranks.
  func finish(_ update: inout Update, savedStatistics: [Float]) throws -> StepHead {
    while update.moved < reducer.buckets.ranges.count {
      try reducer.wait(bucket: update.moved)
      move(&update)
      try reducer.progress()
    }
    guard let head = update.head else { fatalError("a model without buckets has no head") }
    let statistics = plan.parameters.runningStatistics
    if !head.isFinite {
      _ = statistics.update(fromContentsOf: savedStatistics)
    } else {
      let addends = Float(batch.hasShards ? batch.passes : communicator.size)
      if addends > 1 { for index in statistics.indices { statistics[index] /= addends } }
      plan.parameters.averageStatistics(share: update.descent.averageShare)
    }
    passSum.finish()
    return head
  }
}

import Detection
import Graph
import Tensors
import Testing

@testable import Distributed
@testable import Training

@Suite("Progress of a backward pass")
struct BackwardProgressTests {
  /// The gradients of one step, with what `interfere` does after each step of the backward pass.
  private func gradients(_ interfere: ((BackwardProgress, ParameterStore) -> Void)?) throws -> [Float] {
    var training = SyntheticTraining(side: 64)
    training.configuration.batchNorm.statistics = .local
    let replica = try training.replica(on: .alone())
    let store = replica.plan.parameters
    var gradients: [Float] = []
    var context = RunContext(step: 0)
    let anchors = replica.task.anchors(height: 64, width: 64)
    let targets = anchors.targets(boxes: [Box(x1: 5, y1: 9, x2: 40, y2: 50)], classIndices: [2])
    context.targets = try replica.task.batchTargets([targets], communicator: .alone())
    context.afterBackwardStep = { interfere?($0, store) }
    for (index, _) in replica.plan.inputImages.enumerated() {
      replica.plan.inputImages[index] = Float(index * 7919 % 1000) / 500 - 1
    }
    replica.plan.forward(context)
    replica.plan.backward(context)
    gradients = Array(store.gradientArena[ParameterStore.headCount..<store.trainedEnd])
    return gradients
  }

  @Test("nobody reads a released parameter, and all but the last ones are released before the end")
  func released() throws {
    // Oracle: the same pass undisturbed; were a parameter read once more, its gradients would be NaN.
    let undisturbed = try gradients(nil)
    var ends = [ParameterStore.headCount]
    let disturbed = try gradients { progress, store in
      let end = max(ends[ends.count - 1], progress.releasedParameters)
      for offset in ends[ends.count - 1]..<end { store.valueArena[offset] = .nan }
      ends.append(end)
    }
    let areEqual = undisturbed == disturbed
    #expect(areEqual)
    #expect(undisturbed.contains { $0 != 0 })
    let trainedEnd = undisturbed.count + ParameterStore.headCount
    #expect(ends.last == trainedEnd)
    #expect(ends[ends.count / 2] > ends[0])
  }

  @Test("nobody touches a gradient that is complete")
  func complete() throws {
    // Oracle: what the gradients were when they were said to be complete.
    var seen: [Float] = []
    let final = try gradients { progress, store in
      let known = ParameterStore.headCount + seen.count
      if progress.completeGradients > known { seen += store.gradientArena[known..<progress.completeGradients] }
    }
    let areFinal = seen == final
    #expect(areFinal)
  }
}

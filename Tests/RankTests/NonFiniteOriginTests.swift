import Graph
import TestSupport
import Testing

@testable import Distributed
@testable import Training

/// Oracle: where the number was put.
@Suite struct NonFiniteOriginTests {
  private let training = SyntheticTraining(side: 64)

  /// What is found in a step of two images, after something was spoiled.
  private func origin(
    _ spoilStore: (ParameterStore) -> Void = { _ in },
    _ spoil: ((_ step: Int, _ position: Int, inout SyntheticTraining.Sample) -> Void)? = nil
  ) throws -> NonFiniteOrigin? {
    var training = training
    training.configuration.batch.perRank = 2
    training.spoil = spoil
    let replica = try training.replica(on: .alone())
    spoilStore(replica.plan.parameters)
    return try training.withBatches(replica, step: 0) { next in
      try replica.nonFiniteOrigin(0, pass: 0, next())
    }
  }

  @Test("nothing is found where everything is finite")
  func finite() throws {
    #expect(try origin() == nil)
  }

  @Test("a picture, a parameter and a target are told apart")
  func places() throws {
    #expect(
      try origin({ _ in }) { _, position, sample in if position == 1 { sample.image[77] = .infinity } }
        == .input(image: 1))
    let name = "backbone.body.layer3.0.conv1.weight"
    let parameter = try origin({ store in
      var values = store.read(name)
      values[values.count - 1] = .nan
      store.write(name, .value, values)
    })
    #expect(parameter == .parameter(name))
    let target = try origin({ _ in }) { _, position, sample in
      if position == 1 { sample.targets.positives[0].box[0] = .nan }
    }
    guard case .operation(let label, _) = target else {
      Issue.record("\(String(describing: target))")
      return
    }
    #expect(label.kind == "box loss")
  }

  @Test("weights so large that a sum overflows: the operation is named, and not one behind it")
  func overflow() throws {
    let name = "backbone.body.layer2.0.conv2"
    let found = try origin({ store in
      store.write("\(name).weight", .value, store.read("\(name).weight").map { _ in 3e38 })
    })
    guard case .operation(let label, let image) = found else {
      Issue.record("\(String(describing: found))")
      return
    }
    #expect(label.name == name && label.pass == "forward" && image == 0)
  }
}

import Distributed
import Graph
import Tensors
import TestSupport
import Testing

@testable import Training

extension Ranks {
  /// Oracle: one rank that works on the images of all ranks at once, without MPI, on the first rank.
  @Suite("Segmentation: N ranks are one") @RankThread struct SegmentationTests {
    let world = RankWorld.shared
    private static let side = 65

    private func segmenter(imagesPerRank: Int, normalizer: Configuration.Scope) throws -> Segmenter {
      var configuration = Configuration(form: .paper, network: .segmentation)
      configuration.model.depth = .resNet18
      configuration.model.classes = 5
      configuration.input.size = Configuration.ImageSize(height: Self.side, width: Self.side)
      configuration.makeRanksOne()
      configuration.loss.normalizer = normalizer
      configuration.dropBlock.groups = [4, .head]
      configuration.batch.perRank = imagesPerRank
      return try #require(configuration.task as? Segmenter)
    }

    /// The image and the labels of a place in the global batch.
    private func sample(_ place: Int, step: Int) -> (pixels: [Float], labels: [UInt8]) {
      var random = RandomSequence(Philox(seed: 7, stream: 1), UInt32(step), UInt32(place), 0)
      let pixels = (0..<3 * Self.side * Self.side).map { _ in random.normal() }
      let labels = (0..<81).map { pixel -> UInt8 in
        let label = (pixel / 3 + place + step) % 5
        return pixel < 9 * place ? 255 : UInt8(label)
      }
      return (pixels, labels)
    }

    /// The parameters after three steps; images and labels are functions of step and place in the global batch, and the more
    /// void an image has the later its place.
    private func train(
      imagesPerRank: Int, on communicator: Communicator, normalizer: Configuration.Scope = .global
    ) throws -> (parameters: [Float], losses: [Double]) {
      let segmenter = try segmenter(imagesPerRank: imagesPerRank, normalizer: normalizer)
      let batch = try segmenter.configuration.batchPlan(ranks: communicator.size)
      let plan = Plan(
        segmenter.trainingGraph(imagesPerRank: batch.perRank), engine: Engine(), mode: .training, policy: .direct)
      plan.parameters.initialize(seed: 3)
      plan.parametersChanged()
      let replica = Replica(segmenter, plan: plan, communicator: communicator, batch: batch, totalSteps: 3)
      let losses = try (0..<3).map { step -> Double in
        let places = (0..<imagesPerRank).map { communicator.rank * imagesPerRank + $0 }
        let samples = places.map { sample($0, step: step) }
        let (pixels, labels) = (samples.flatMap(\.pixels), samples.map(\.labels))
        return try pixels.withUnsafeBufferPointer { pixels in
          try replica.step(step, learningRate: 1e-3, isRegularized: true) {
            Replica<Segmenter>.MicroBatch(images: pixels, targets: labels)
          }.means[0]
        }
      }
      return (plan.parameters.allParameters, losses)
    }

    @Test("with everything global three steps equal one rank's; a local normaliser weighs images by their ranks")
    func equal() throws {
      let trained = try train(imagesPerRank: 1, on: world)
      let local = try train(imagesPerRank: 1, on: world, normalizer: .local)
      let distances = try world.onFirstRank {
        let reference = try train(imagesPerRank: world.size, on: .alone())
        return [trained, local].map { Closeness(of: $0.parameters, to: reference.parameters).relativeL2 }
          + [zip(trained.losses, reference.losses).map { abs($0 / $1 - 1) }.max() ?? .infinity]
      }
      #expect(distances[0] < 1e-5, "parameters")
      #expect(distances[2] < 1e-5, "losses")
      #expect(distances[1] > 1e-5, "local")
    }
  }
}

import Distributed
import Graph
import TestSupport
import Testing

@testable import Training

extension Ranks {
  /// Oracle: one rank that works on the images of all ranks at once, without MPI, on the first rank.
  ///
  /// Images of 64 pixels are enough: with global statistics P6 and P7 normalise one value a channel and rank. Measured
  /// were 1e-8 with 2 ranks and 2e-7 with 4 on AVX-512 after five steps; the parameters move by 1e-3, and a local switch
  /// changes 3e-4 or more. Three steps are compared: rounding grows by orders of magnitude in five, 1e-5 with AVX2.
  @Suite("N ranks are one") @RankThread struct RanksAreOneTests {
    let world = RankWorld.shared

    /// What training leaves.
    private struct Trained {
      let parameters: [Float]
      let statistics: [Float]
      let losses: [Double]
    }

    /// One rank's training on all images, on the first rank, which computes it once for all tests.
    private static var reference: Trained?

    /// A switch that makes ranks matter.
    enum Switch: String, CaseIterable, CustomTestStringConvertible, Sendable {
      case batchNormStatistics = "batch_norm.statistics: local"
      case lossNormalizer = "loss.normalizer: local"
      case dropBlockNormalizer = "dropblock.normalizer: local"
      case randomStream = "random.stream: rank"

      var testDescription: String { rawValue }

      func turn(_ configuration: inout Configuration) {
        switch self {
        case .batchNormStatistics: configuration.batchNorm.statistics = .local
        case .lossNormalizer: configuration.loss.normalizer = .local
        case .dropBlockNormalizer: configuration.dropBlock.normalizer = .local
        case .randomStream: configuration.random.stream = .rank
        }
      }
    }

    private func train(
      imagesPerRank: Int, on communicator: Communicator, steps: Int = 3,
      _ change: (inout Configuration) -> Void = { _ in }
    ) throws -> Trained {
      var training = SyntheticTraining(side: 64)
      training.configuration.batch.perRank = imagesPerRank
      change(&training.configuration)
      let replica = try training.replica(on: communicator)
      let losses = try training.train(replica, steps: 0..<steps).map(\.loss)
      let store = replica.plan.parameters
      return Trained(parameters: store.allParameters, statistics: store.allStatistics, losses: losses)
    }

    /// How far one image a rank is from one rank: parameters, running statistics and the worst loss, on all ranks.
    private func distances(_ turned: Switch?) throws -> [Double] {
      let trained = try train(imagesPerRank: 1, on: world) { turned?.turn(&$0) }
      return try world.onFirstRank {
        let reference = try Self.reference ?? train(imagesPerRank: world.size, on: .alone())
        Self.reference = reference
        let losses = zip(trained.losses, reference.losses).map { abs($0 / $1 - 1) }
        return [
          Closeness(of: trained.parameters, to: reference.parameters).relativeL2,
          Closeness(of: trained.statistics, to: reference.statistics).relativeL2, losses.max() ?? .infinity,
        ]
      }
    }

    @Test("with everything global, three steps of one image a rank equal one rank's with all images")
    func global() throws {
      let distances = try distances(nil)
      // The order of sums over images differs, nothing else; a thousandth of the parameters' move.
      for (name, distance) in zip(["parameters", "running statistics", "losses"], distances) {
        #expect(distance < 1e-5, "\(name)")
      }
    }

    @Test(
      "with another regulariser in DropBlock's place they are one too",
      arguments: ["dropout", "drop_path"])
    func otherRegularizers(section: String) throws {
      func change(_ configuration: inout Configuration) {
        configuration.dropBlock.groups = []
        switch section {
        case "dropout": configuration.dropout.groups = [3, 4]
        default: configuration.dropPath.groups = [3, 4]
        }
        configuration.dropPath.keepProbability = 0.5
        configuration.dropPath.schedule = .constant
      }
      let trained = try train(imagesPerRank: 1, on: world, steps: 2, change)
      let distances = try world.onFirstRank {
        let one = try train(imagesPerRank: world.size, on: .alone(), steps: 2, change)
        let without = try train(imagesPerRank: world.size, on: .alone(), steps: 2) { $0.dropBlock.groups = [] }
        return [one, without].map { Closeness(of: trained.parameters, to: $0.parameters).relativeL2 }
      }
      #expect(distances[0] < 1e-5)
      #expect(distances[1] > 1e-5, "without effect")
    }

    @Test("with any one switch local they do not", arguments: Switch.allCases)
    func local(turned: Switch) throws {
      let distances = try distances(turned)
      #expect(distances[0] > 1e-5)
    }
  }
}

import Datasets
import Distributed
import Tensors
import TestSupport
import Testing

@testable import Training

extension Ranks {
  @Suite("Classification splits") @RankThread struct ClassificationSplitRankTests {
    private let world = RankWorld.shared

    /// A configuration with two class folders of this rank's own, of two images with these names.
    private func configuration(_ folder: TemporaryDirectory, _ names: String...) throws -> Configuration {
      for kind in ["a", "b"] {
        let made = try run(["mkdir", "-p", folder.file("train/\(kind)")])
        try #require(made.exitCode == 0, "\(made)")
        for name in names {
          try folder.write(RGBImage(width: 4, height: 4).jpegFile(), to: "train/\(kind)/\(name).jpg")
        }
      }
      return try Configuration(
        text: "model: {name: resnet, classes: 2}\ndata: {kind: image_folder, root: \(folder.path)}\n",
        name: "ranks.yaml")
    }

    @Test("ranks that list the same names open them, wherever they lie")
    func same() throws {
      let folder = try TemporaryDirectory("split-\(world.rank)")
      let opened = try ClassificationSplit(.train, of: configuration(folder, "1", "2"), communicator: world)
      #expect(opened.dataset.count == 4)
      // The first rank looks for all.
      #expect(opened.census?.images == (world.rank == 0 ? 4 : nil))
    }

    @Test("ranks that list other images all leave with error 65, and a folder that one rank misses is error 66 on all")
    func different() throws {
      let folder = try TemporaryDirectory("split-\(world.rank)")
      let own = try configuration(folder, "1", world.rank == 0 ? "2" : "3")
      let error = thrown((any Error).self) {
        try ClassificationSplit(.train, of: own, communicator: world)
      }
      #expect((error as? any UserError)?.exitCode == .badData, "\(String(describing: error))")
      #expect("\(String(describing: error))".contains("expected the same data on all hosts, got 4 images here"))

      if world.rank == world.size - 1 { _ = try run(["rm", "-r", folder.file("train")]) }
      let missing = thrown((any Error).self) {
        try ClassificationSplit(.train, of: own, communicator: world)
      }
      #expect((missing as? any UserError)?.exitCode == .missingFile, "\(String(describing: missing))")
    }
  }
}

import Datasets
import Distributed
import TestSupport
import Tensors
import Testing

@testable import Training

extension Ranks {
  @Suite("Detection splits") @RankThread struct DetectionSplitRankTests {
    private let world = RankWorld.shared

    /// A configuration with annotations of this rank's own, of so many images with an object each.
    private func configuration(
      _ folder: TemporaryDirectory, images count: Int, box: String = "[1, 1, 5, 5]"
    ) throws -> Configuration {
      for number in 1...count { try folder.write(RGBImage(width: 9, height: 9).jpegFile(), to: "\(number).jpg") }
      let objects = (1...count).map { #"{"id": \#($0), "image_id": \#($0), "category_id": 1, "bbox": \#(box)}"# }
      let lists = #""annotations": [\#(objects.joined(separator: ","))], "categories": [{"id": 1, "name": "a"}]"#
      let images = (1...count).map { #"{"id": \#($0), "file_name": "\#($0).jpg", "width": 9, "height": 9}"# }
      try folder.write(
        #"{"images": [\#(images.joined(separator: ","))], \#(lists)}"#, to: "a.json")
      return try Configuration(
        text: """
          model: {classes: 1}
          data: {kind: coco, train: {annotations: \(folder.file("a.json")), images: \(folder.path)}}

          """, name: "ranks.yaml")
    }

    @Test("ranks with the same annotations open them, wherever they lie; with others all leave with error 65")
    func agreement() throws {
      let folder = try TemporaryDirectory("split-\(world.rank)")
      let same = try DetectionSplit(.train, of: configuration(folder, images: 3), communicator: world)
      #expect(same.dataset.index.imageCount == 3)
      // The first rank looks for all.
      #expect(same.census?.objects?.used == (world.rank == 0 ? 3 : nil))
      let own = try configuration(folder, images: world.rank == 0 ? 2 : 3)
      let error = thrown((any Error).self) { try DetectionSplit(.train, of: own, communicator: world) }
      #expect((error as? any UserError)?.exitCode == .badData, "\(String(describing: error))")
      #expect("\(String(describing: error))".contains("expected the same data on all hosts, got "))
    }

    @Test("data that nothing can be learned from are error 65 on all ranks")
    func useless() throws {
      let folder = try TemporaryDirectory("split-\(world.rank)")
      let own = try configuration(folder, images: 3, box: "[90, 90, 5, 5]")
      let error = thrown((any Error).self) { try DetectionSplit(.train, of: own, communicator: world) }
      #expect((error as? any UserError)?.exitCode == .badData, "\(String(describing: error))")
      #expect("\(String(describing: error))".contains("there is nothing to learn from (3 outside their images"))
    }
  }
}

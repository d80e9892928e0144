import Testing

@testable import Datasets
@testable import Training

/// Oracle: the images one by one.
@Suite struct EvaluationBlocksTests {
  private static let side = 4

  /// Images whose bytes tell their numbers.
  private func dataset(_ count: Int) -> ClassificationDataset {
    let bytes = (0..<count).flatMap { [UInt8](repeating: UInt8($0), count: Self.side * Self.side) }
    let images = LabeledImages(
      channels: 1, height: Self.side, width: Self.side, pixels: bytes, labels: (0..<count).map { UInt8($0 % 10) })
    return ClassificationDataset(images, name: "test", classNames: (0..<10).map { "\($0)" })
  }

  @Test("blocks are the same on 1, 2 and 3 ranks: consecutive images, each once; all ranks get as many blocks")
  func blocks() throws {
    let transform = ClassificationTransform(height: Self.side, width: Self.side)
    for count in [1, 2, 7, 8, 12, 13] {
      let dataset = dataset(count)
      var one: [Float] = []
      for ranks in 1...3 {
        var starts: [Int] = []
        var pixels = [Float](repeating: .nan, count: count)
        for rank in 0..<ranks {
          let blocks = EvaluationBlocks(dataset, transform, rank: rank, ranks: ranks, size: 4, threads: 2)
          var number = 0
          while let block = try blocks.next() {
            number += 1
            if block.labels.isEmpty { continue }
            starts.append(block.firstImage)
            #expect(block.labels.count == min(4, count - block.firstImage))
            #expect(block.images.count == block.labels.count * Self.side * Self.side)
            for (place, label) in block.labels.enumerated() {
              #expect(label == (block.firstImage + place) % 10)
              pixels[block.firstImage + place] = block.images[place * Self.side * Self.side]
            }
          }
          #expect(number == ((count + 3) / 4 + ranks - 1) / ranks)
        }
        #expect(starts.sorted() == Array(stride(from: 0, to: count, by: 4)))
        #expect(!pixels.contains(where: \.isNaN) && Set(pixels).count == count)
        if ranks == 1 { one = pixels }
        #expect(pixels == one)
      }
    }
  }
}

import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Miniature data sets; oracles: the steps done one after the other, and counts.
struct ClassificationSourceTests {
  /// Random pictures of so many planes with labels 0, 1, ..., 9, 0, ...
  private func memory(_ count: Int, side: Int = 32, channels: Int = 3) -> ClassificationDataset {
    var random = RandomSequence(Philox(seed: 4, stream: 0), 0, 0, 0)
    let images = LabeledImages(
      channels: channels, height: side, width: side,
      pixels: (0..<count * channels * side * side).map { _ in UInt8(random.nextWord() >> 24) },
      labels: (0..<count).map { UInt8($0 % 10) })
    return ClassificationDataset(images, name: "miniature", classNames: (0..<10).map { "\($0)" })
  }

  private func read(
    _ dataset: ClassificationDataset, _ index: Int, _ transform: ClassificationTransform, epoch: Int = 0,
    scaled: Bool = false, reader: ClassificationReader = ClassificationReader()
  ) throws -> [Float] {
    var output = [Float](repeating: .nan, count: dataset.channels * transform.height * transform.width)
    try output.withUnsafeMutableBufferPointer {
      try reader.readForTraining(
        dataset, at: index, transform, sampler: Sampler(imageCount: dataset.count, seed: 9), epoch: epoch,
        usesScaledDecoding: scaled, into: $0)
    }
    return output
  }

  private func evaluate(
    _ dataset: ClassificationDataset, _ index: Int, _ transform: ClassificationTransform
  ) throws -> [Float] {
    var output = [Float](repeating: .nan, count: dataset.channels * transform.height * transform.width)
    try output.withUnsafeMutableBufferPointer {
      try ClassificationReader().readForEvaluation(dataset, at: index, transform, into: $0)
    }
    return output
  }

  @Test("pictures of the input's size are only normalised; grey ones with the first mean")
  func plain() throws {
    for channels in [1, 3] {
      let dataset = memory(3, channels: channels)
      guard case .memory(let images) = dataset.pictures else { return }
      let transform = ClassificationTransform(height: 32, width: 32)
      let expected = images.image(at: 2).enumerated().map { place, byte in
        (Double(byte) / 255 - Double(transform.mean[place / 1024])) / Double(transform.deviation[place / 1024])
      }
      for output in [try evaluate(dataset, 2, transform), try read(dataset, 2, transform)] {
        let worst = zip(output, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
        #expect(output.count == expected.count && worst < 2e-6)
      }
    }
  }

  @Test("padding and cutting out moves a picture by every offset alike, black at the edges, and flips half of them")
  func padded() throws {
    let dataset = memory(1, side: 8)
    guard case .memory(let images) = dataset.pictures else { return }
    let bytes = Array(images.image(at: 0))
    var transform = ClassificationTransform(height: 8, width: 8)
    (transform.crop, transform.flipProbability) = (.pad(1), 0.5)
    (transform.mean, transform.deviation) = (SIMD3(repeating: 0), SIMD3(repeating: 1 / 255))
    // All 18 pictures that can come.
    var expected: [[Float]: Int] = [:]
    for right in -1...1 {
      for down in -1...1 {
        for isFlipped in [false, true] {
          var picture: [Float] = []
          for channel in 0..<3 {
            for y in 0..<8 {
              for x in 0..<8 {
                let (row, column) = (y - down, (isFlipped ? 7 - x : x) - right)
                let isInside = (0..<8).contains(row) && (0..<8).contains(column)
                picture.append(isInside ? Float(bytes[channel * 64 + row * 8 + column]) : 0)
              }
            }
          }
          expected[picture] = 0
        }
      }
    }
    #expect(expected.count == 18)
    let reader = ClassificationReader()
    for epoch in 0..<1800 {
      let picture = try read(dataset, 0, transform, epoch: epoch, reader: reader).map { $0.rounded() }
      guard let count = expected[picture] else {
        Issue.record("epoch \(epoch) is none of the 18 pictures")
        return
      }
      expected[picture] = count + 1
    }
    // Binomial, 100 of 1800 in the mean: a deviation is 9.7.
    #expect(expected.values.allSatisfy { abs($0 - 100) < 50 }, "\(expected.values.sorted())")
  }

  @Test("AutoAugment comes after the flip and before normalisation, Cutout last, each with numbers of its own")
  func order() throws {
    let dataset = memory(40, side: 24)
    let sampler = Sampler(imageCount: dataset.count, seed: 9)
    var plain = ClassificationTransform(height: 24, width: 24)
    (plain.crop, plain.flipProbability) = (.pad(2), 0.5)
    (plain.mean, plain.deviation) = (SIMD3(repeating: 0), SIMD3(repeating: 1 / 255))
    var augmented = plain
    augmented.usesAutoAugment = true
    var cut = augmented
    cut.cutout = 9
    var changed = 0
    for index in 0..<40 {
      let before = try read(dataset, index, plain, epoch: 3)
      var image = RGBImage(width: 24, height: 24)
      for pixel in 0..<576 {
        for channel in 0..<3 { image.pixels[pixel * 3 + channel] = UInt8(before[channel * 576 + pixel].rounded()) }
      }
      var random = sampler.random(.policy, epoch: 3, imageIndex: index)
      AutoAugment.augment(&image, random: &random)
      let after = try read(dataset, index, augmented, epoch: 3)
      let expected = (0..<1728).map { Float(image.pixels[$0 % 576 * 3 + $0 / 576]) }
      #expect(after.map { $0.rounded() } == expected)
      if after != before { changed += 1 }
      random = sampler.random(.cutout, epoch: 3, imageIndex: index)
      let (rows, columns) = cut.cutoutBox(random: &random)
      let holed = (0..<1728).map { place in
        rows.contains(place / 24 % 24) && columns.contains(place % 24) ? 0 : after[place]
      }
      let isEqual = try read(dataset, index, cut, epoch: 3) == holed
      #expect(isEqual)
    }
    #expect(changed > 20)
  }

  @Test("another input size is a plain resize in memory, and the centre crop's of a file")
  func resized() throws {
    var transform = ClassificationTransform(height: 32, width: 32)
    (transform.mean, transform.deviation) = (SIMD3(repeating: 0), SIMD3(repeating: 1 / 255))
    let dataset = memory(2, side: 28, channels: 1)
    guard case .memory(let images) = dataset.pictures else { return }
    var (source, output) = (RGBImage(width: 28, height: 28), RGBImage(width: 32, height: 32))
    for (pixel, byte) in images.image(at: 1).enumerated() {
      for channel in 0..<3 { source.pixels[pixel * 3 + channel] = byte }
    }
    var resampler = Resampler()
    resampler.resample(source, PixelBox(x: 0, y: 0, width: 28, height: 28), .bicubic, into: &output)
    let expected = (0..<1024).map { Float(output.pixels[$0 * 3]) }
    for picture in [try evaluate(dataset, 1, transform), try read(dataset, 1, transform)] {
      #expect(picture.map { $0.rounded() } == expected)
    }
    try withFolder(images: 2) { root in
      let dataset = ClassificationDataset(try ImageFolder(root: root))
      let reader = ImageReader()
      try reader.read(dataset.imageName(at: 1))
      let box = transform.centreBox(width: reader.image.width, height: reader.image.height)
      resampler.resample(reader.image, PixelBox(box, reducedBy: .none), .bicubic, into: &output)
      let expected = (0..<3072).map { Float(output.pixels[$0 % 1024 * 3 + $0 / 1024]) }
      for picture in [try evaluate(dataset, 1, transform), try read(dataset, 1, transform)] {
        let isEqual = picture.map { $0.rounded() } == expected
        #expect(isEqual)
      }
    }
  }

  @Test("scaled decoding shows the same part of a picture, softened a little")
  func scaledDecoding() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory + "/only", withIntermediateDirectories: true)
      // A smooth picture, so that only the place of the part matters.
      var image = RGBImage(width: 403, height: 301)
      for y in 0..<301 {
        for x in 0..<403 {
          let pixel = (y * 403 + x) * 3
          image.pixels[pixel] = UInt8(x * 255 / 402)
          image.pixels[pixel + 1] = UInt8(y * 255 / 300)
          image.pixels[pixel + 2] = UInt8((x + y) * 255 / 702)
        }
      }
      try writeFile(image.jpegFile(quality: 98, chroma: .none), to: directory + "/only/a.jpg")
      let dataset = ClassificationDataset(try ImageFolder(root: directory))
      var transform = ClassificationTransform(height: 32, width: 32)
      (transform.crop, transform.flipProbability) = (.randomResized(minimumArea: 0.08), 0.5)
      (transform.mean, transform.deviation) = (SIMD3(repeating: 0), SIMD3(repeating: 1 / 255))
      let reader = ClassificationReader()
      for epoch in 0..<30 {
        let whole = try read(dataset, 0, transform, epoch: epoch, reader: reader)
        let reduced = try read(dataset, 0, transform, epoch: epoch, scaled: true, reader: reader)
        let worst = zip(whole, reduced).map { abs($0 - $1) }.max() ?? .infinity
        // Half a stored pixel aside is 0.4; the edges of blocks of 8 and the coder make the rest.
        #expect(worst < 6, "epoch \(epoch)")
        let mean = zip(whole, reduced).map { $0 - $1 }.reduce(0, +) / Float(whole.count)
        #expect(abs(mean) < 0.3, "epoch \(epoch)")
      }
    }
  }

  @Test("batches are the same for one thread and for three, on one rank and on two, and know their classes")
  func batches() throws {
    let dataset = memory(23)
    var transform = ClassificationTransform(height: 32, width: 32)
    (transform.crop, transform.flipProbability, transform.usesAutoAugment) = (.pad(4), 0.5, true)
    let source = ClassificationSource(
      dataset: dataset, transform: transform, sampler: Sampler(imageCount: 23, seed: 5))
    func batches(ranks: Int, rank: Int, threads: Int) throws -> [(samples: [ClassificationSample], images: [Float])] {
      let schedule = try BatchSchedule(sampler: source.sampler, ranks: ranks, batchSizePerRank: 4 / ranks, name: "t")
      let loader = BatchLoader(source: source, schedule: schedule, rank: rank, threads: threads) { $0.label }
      return try (0..<10).map { _ in
        let batch = try loader.next()
        #expect(batch.payloads == batch.samples.map { $0.imageIndex % 10 })
        return (batch.samples, Array(batch.images))
      }
    }
    let whole = try batches(ranks: 1, rank: 0, threads: 1)
    let again = try batches(ranks: 1, rank: 0, threads: 3)
    let parts = try (0..<2).map { try batches(ranks: 2, rank: $0, threads: 1) }
    for step in 0..<10 {
      let isEqual = whole[step] == again[step]
      #expect(isEqual)
      let isShared =
        whole[step].samples == parts[0][step].samples + parts[1][step].samples
        && whole[step].images == parts[0][step].images + parts[1][step].images
      #expect(isShared)
    }
    // Five steps of four are an epoch.
    #expect(Set(whole[..<5].flatMap { $0.samples.map(\.imageIndex) }).count == 20)
  }

  @Test("an unreadable picture is a fault in training, and error 65 in evaluation")
  func unreadable() throws {
    try withFolder(images: 6) { root in
      let dataset = ClassificationDataset(try ImageFolder(root: root))
      let transform = ClassificationTransform(height: 16, width: 16)
      let source = ClassificationSource(
        dataset: dataset, transform: transform, sampler: Sampler(imageCount: 12, seed: 5))
      let broken = source.sampler.imageIndex(epoch: 0, position: 1)
      let gone = source.sampler.imageIndex(epoch: 0, position: 2)
      try writeFile([1, 2, 3], to: dataset.imageName(at: broken))
      try FileManager.default.removeItem(atPath: dataset.imageName(at: gone))
      let schedule = try BatchSchedule(sampler: source.sampler, ranks: 1, batchSizePerRank: 4, name: "test")
      let loader = BatchLoader(source: source, schedule: schedule, rank: 0, maximumFaults: 2)
      let batch = try loader.next()
      let next = source.sampler.imageIndex(epoch: 0, position: 3)
      #expect(batch.samples.map(\.imageIndex)[1...] == [next, next, next])
      #expect(batch.newFaults.count == 2 && batch.newFaults.allSatisfy { $0.kind == .unreadableImage })
      #expect(batch.newFaults[0].description.contains(dataset.imageName(at: broken)))
      let strict = BatchLoader(source: source, schedule: schedule, rank: 0, maximumFaults: 1)
      #expect(throws: InputError.self) { try strict.next() }
    }
  }

  @Test("a picture file that belongs to no data set is seen as evaluation sees one that does; grey is Pillow's")
  func alone() throws {
    try withFolder(images: 2) { root in
      let dataset = ClassificationDataset(try ImageFolder(root: root))
      var transform = ClassificationTransform(height: 24, width: 16)
      transform.evaluationFraction = 0.8
      let reader = ClassificationReader()
      let path = try #require(dataset.imagePath(at: 3))
      let picture = try reader.pictureForEvaluation(path, .auto, transform, channels: 3)
      #expect((picture.width, picture.height) == (16, 24))
      var planes = [Float](repeating: .nan, count: 3 * 24 * 16)
      planes.withUnsafeMutableBufferPointer { transform.normalize(picture, channels: 3, into: $0) }
      #expect(try planes == evaluate(dataset, 3, transform))

      let grey = try reader.pictureForEvaluation(path, .auto, transform, channels: 1)
      let expected = stride(from: 0, to: picture.pixels.count, by: 3).flatMap { start -> [UInt8] in
        let (red, green, blue) = (picture.pixels[start], picture.pixels[start + 1], picture.pixels[start + 2])
        let sum = 19595 * Int(red) + 38470 * Int(green) + 7471 * Int(blue)
        return Array(repeating: UInt8((Double(sum) / 65536).rounded()), count: 3)
      }
      #expect(grey.pixels == expected)
      let error = thrown(InputError.self) {
        try reader.pictureForEvaluation(FilePath("\(root)/none.jpg"), .auto, transform, channels: 3)
      }
      #expect(error?.exitCode == .missingFile)
    }
  }
}

/// Writes two classes of so many JPEG pictures each.
private func withFolder(images: Int, _ body: (String) throws -> Void) throws {
  try Fixtures.withTemporaryDirectory { directory in
    for name in ["b", "a"] {
      try FileManager.default.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
      for number in 0..<images {
        try Fixtures.picture(width: 40 + number, height: 50 - 3 * number).write(
          to: "\(directory)/\(name)/\(number).jpg")
      }
    }
    try body(directory)
  }
}

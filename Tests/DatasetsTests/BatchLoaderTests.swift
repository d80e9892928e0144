import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct BatchLoaderTests {
  @Test("batches are the same for one thread and for four, and equal to samples made one by one")
  func independentOfThreads() throws {
    try withDataset(images: 7) { directory in
      let source = try makeSource(directory)
      let schedule = try BatchSchedule(sampler: source.sampler, ranks: 1, batchSizePerRank: 3, name: "test")
      let reader = ImageReader()
      for threads in [1, 4] {
        let loader = BatchLoader(source: source, schedule: schedule, rank: 0, threads: threads, depth: 2) { sample in
          sample.boxes.count
        }
        for step in 0..<5 {
          let batch = try loader.next()
          #expect(batch.step == step && batch.samples.count == 3 && batch.microBatch == 0)
          for index in 0..<3 {
            let place = schedule.place(step: step, rank: 0, index: index)
            var expected = [Float](repeating: .nan, count: 3 * 48 * 48)
            let (sample, _) = try expected.withUnsafeMutableBufferPointer {
              try source.load(epoch: place.epoch, position: place.position, reader: reader, into: $0)
            }
            #expect(batch.samples[index] == sample)
            #expect(batch.payloads[index] == sample.boxes.count)
            #expect(Array(batch.images[index * 6912..<(index + 1) * 6912]) == expected)
          }
        }
      }
    }
  }

  @Test("two ranks together load what one rank loads, and a later start continues the sequence")
  func ranksAndRestart() throws {
    try withDataset(images: 9) { directory in
      let source = try makeSource(directory)
      func samples(ranks: Int, rank: Int, first: Int, steps: Int) throws -> [[TrainingSample]] {
        let schedule = try BatchSchedule(sampler: source.sampler, ranks: ranks, batchSizePerRank: 4 / ranks, name: "t")
        let loader = BatchLoader(source: source, schedule: schedule, rank: rank, firstStep: first)
        return try (0..<steps).map { step in
          let batch = try loader.next()
          #expect(batch.step == first + step)
          return batch.samples
        }
      }
      let whole = try samples(ranks: 1, rank: 0, first: 0, steps: 6)
      let parts = try (0..<2).map { try samples(ranks: 2, rank: $0, first: 0, steps: 6) }
      #expect((0..<6).map { parts[0][$0] + parts[1][$0] } == whole)
      #expect(try samples(ranks: 1, rank: 0, first: 3, steps: 3) == Array(whole[3...]))
    }
  }

  @Test("an unreadable picture is replaced by the next position's, named once, and too many are error 65")
  func unreadable() throws {
    try withDataset(images: 6) { directory in
      let source = try makeSource(directory)
      let broken = source.sampler.imageIndex(epoch: 0, position: 1)
      let following = source.sampler.imageIndex(epoch: 0, position: 2)
      try writeFile([1, 2, 3], to: source.dataset.imagePath(at: broken))
      let schedule = try BatchSchedule(sampler: source.sampler, ranks: 1, batchSizePerRank: 3, name: "test")
      let loader = BatchLoader(source: source, schedule: schedule, rank: 0, threads: 2, maximumFaults: 1)
      let first = try loader.next()
      #expect(first.samples.map(\.imageIndex)[1...] == [following, following])
      #expect(first.newFaults.map(\.kind) == [.unreadableImage])
      #expect(first.newFaults[0].description.contains(source.dataset.imagePath(at: broken)))
      for _ in 0..<6 { #expect(try loader.next().newFaults.isEmpty) }
      #expect(loader.faultLog.faults.count == 1)

      let strict = BatchLoader(source: source, schedule: schedule, rank: 0, maximumFaults: 0)
      let error = thrown(InputError.self) { _ = try strict.next() }
      #expect(error?.exitCode == .badData && error?.description.contains("a fault so far") == true)
    }
  }

  @Test("a picture of another size than its annotations is a fault; no readable picture at all is error 65")
  func wrongSize() throws {
    try withDataset(images: 3) { directory in
      let source = try makeSource(directory)
      try Fixtures.picture(width: 20, height: 20).write(to: source.dataset.imagePath(at: 0))
      let schedule = try BatchSchedule(sampler: source.sampler, ranks: 1, batchSizePerRank: 3, name: "test")
      let loader = BatchLoader(source: source, schedule: schedule, rank: 0, maximumFaults: 9)
      #expect(try loader.next().newFaults.contains { $0.description.contains("is 20x20, image 10 of") })
      for position in 0..<3 { try writeFile([], to: source.dataset.imagePath(at: position)) }
      let hopeless = BatchLoader(source: source, schedule: schedule, rank: 0, maximumFaults: 99)
      let error = thrown(InputError.self) { _ = try hopeless.next() }
      #expect(error?.description.contains("none of the 3 images can be read") == true)
    }
  }

  @Test("crowds are skipped, boxes without area are dropped and named, empty pictures stay")
  func objects() throws {
    try withDataset(images: 3, hasFlatBox: true) { directory in
      let dataset = try makeSource(directory).dataset
      // Image 0 has two objects, a crowd and a flat box; image 1 has one object; image 2 none.
      let objects = dataset.objects(at: 0)
      #expect(objects.boxes == [SIMD4(2, 3, 22, 18), SIMD4(5, 5, 15, 25)] && objects.classes == [0, 1])
      #expect(objects.faults.count == 1 && objects.faults[0].kind == .zeroSizeBox)
      #expect(objects.faults[0].description.contains("annotation 103"))
      let error = thrown(InputError.self) { try DataCensus(dataset, .validation, .headers).requireEvaluable() }
      #expect(error?.exitCode == .badData && error?.description.contains("annotation 103 of 0.jpg") == true)
      #expect(dataset.objects(at: 1).classes == [1] && dataset.objects(at: 2).boxes.isEmpty)
    }
  }

  @Test("classes follow the order of categories or their identifiers, and one too large is error 65")
  func numbering() throws {
    try withDataset(images: 2) { directory in
      let index = try COCOIndex.open(annotations: directory + "/a.json", cache: directory)
      func dataset(_ numbering: ClassNumbering, _ count: Int) throws -> DetectionDataset {
        try DetectionDataset(index: index, imageDirectory: directory, numbering: numbering, classCount: count)
      }
      #expect(try dataset(.byOrder, 2).objects(at: 0).classes == [0, 1, 1])
      #expect(try dataset(.byIdentifier(first: 1), 9).objects(at: 0).classes == [2, 8, 8])
      let raw = try dataset(.byIdentifier(first: 0), 10)
      #expect(raw.objects(at: 0).classes == [3, 9, 9])
      #expect(raw.category(ofClass: 9)?.name == "nine" && raw.category(ofClass: 4) == nil)
      let error = thrown(InputError.self) { try dataset(.byIdentifier(first: 0), 9) }
      #expect(error?.description.contains("category 9 (nine) would be class 9, the model has 9 classes") == true)
      let missing = thrown(InputError.self) {
        try DetectionDataset(index: index, imageDirectory: "/nowhere", numbering: .byOrder, classCount: 2)
      }
      #expect(missing?.exitCode == .missingFile)
    }
  }

  @Test("a finite sequence ends with a shorter batch and then nil, and an early end joins its threads")
  func prefetcher() throws {
    for _ in 0..<20 {
      let prefetcher = Prefetcher<Int>(sampleCount: 8, batchSize: 3, sampleElements: 2, depth: 2, threads: 3) {
        { number, output in
          output[0] = Float(number)
          output[1] = -Float(number)
          return number * number
        }
      }
      #expect(try prefetcher.next()?.items == [0, 1, 4])
      let second = try prefetcher.next()
      #expect(second?.number == 1 && second.map { Array($0.elements) } == [3, -3, 4, -4, 5, -5])
      #expect(try prefetcher.next()?.items == [36, 49])
      #expect(try prefetcher.next()?.number == nil)
      // Dropped after one batch, while its threads wait for room.
      let dropped = Prefetcher<Int>(sampleCount: nil, batchSize: 1, sampleElements: 1, depth: 2, threads: 2) {
        { number, _ in number }
      }
      #expect(try dropped.next()?.items == [0])
    }
  }

  @Test("errors come out in the order of the samples, not of the threads, and later batches still come")
  func errors() throws {
    let prefetcher = Prefetcher<Int>(sampleCount: nil, batchSize: 4, sampleElements: 1, depth: 3, threads: 4) {
      { number, _ in
        if number == 5 { usleep(20_000) }
        if number == 5 || number == 6 { throw InputError(.badData, "sample \(number)") }
        return number
      }
    }
    #expect(try prefetcher.next()?.items == [0, 1, 2, 3])
    let error = thrown(InputError.self) { _ = try prefetcher.next() }
    #expect(error?.description == "sample 5")
    #expect(try prefetcher.next()?.items == [8, 9, 10, 11])
  }
}

/// A source of 48x48 samples in the paper's form from the data set that `withDataset` writes.
private func makeSource(_ directory: String) throws -> SampleSource {
  let index = try COCOIndex.open(annotations: directory + "/a.json", cache: directory + "/cache")
  let dataset = try DetectionDataset(index: index, imageDirectory: directory, numbering: .byOrder, classCount: 2)
  return SampleSource(
    dataset: dataset, transform: ImageTransform(.paper(size: 48, scale: 0.7...1.4)),
    sampler: Sampler(imageCount: index.imageCount, seed: 21))
}

/// Writes pictures of different sizes with an annotation file `a.json`, identifiers 10, 11, ...
private func withDataset(images: Int, hasFlatBox: Bool = false, _ body: (String) throws -> Void) throws {
  try Fixtures.withTemporaryDirectory { directory in
    var records: [String] = []
    for number in 0..<images {
      let (width, height) = (40 + number, 34 + 2 * number)
      try Fixtures.picture(width: width, height: height).write(to: "\(directory)/\(number).jpg")
      records.append(
        "{\"id\": \(10 + number), \"file_name\": \"\(number).jpg\", \"width\": \(width), \"height\": \(height)}")
    }
    let json = """
      {"images": [\(records.joined(separator: ","))], "categories": [{"id": 9, "name": "nine"}, {"id": 3, "name": "three"}],
       "annotations": [
        {"id": 101, "image_id": 10, "category_id": 3, "bbox": [2, 3, 20, 15]},
        {"id": 102, "image_id": 10, "category_id": 3, "bbox": [0, 0, 30, 30], "iscrowd": 1},
        {"id": 103, "image_id": 10, "category_id": 9, "bbox": [4, 4, \(hasFlatBox ? 0 : 7), 9]},
        {"id": 104, "image_id": 10, "category_id": 9, "bbox": [5, 5, 10, 20]},
        {"id": 105, "image_id": 11, "category_id": 9, "bbox": [1, 2, 30, 25]}]}
      """
    try writeFile(Array(json.utf8), to: directory + "/a.json")
    try body(directory)
  }
}

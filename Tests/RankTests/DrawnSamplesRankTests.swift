import Datasets
import Distributed
import Tensors
import TestSupport
import Testing

@testable import Training

extension Ranks {
  /// Oracle: the batches that the loaders of a run hand to its steps.
  @Suite("Drawn samples") @RankThread struct DrawnSamplesRankTests {
    private let world = RankWorld.shared

    /// The random sizes of a detector's and a segmentation's pictures.
    private static let scaleJitter = ["input.scale_min=0.75", "input.scale_max=1.5"]

    /// A configuration of a task with random flips, on a few generated pictures.
    private func configuration(_ task: String, _ more: [String] = scaleJitter) throws -> Configuration {
      try Configuration(
        text: """
          data: {kind: shapes, shapes: {size: 64, train_images: 12, val_images: 2}, workers: 2}
          input: {size: 65}
          model: {\(task)}
          batch: {per_rank: 1, accumulate: 2}

          """, name: "drawn.yaml", overrides: more)
    }

    /// Class folders with pictures of different sizes, the same on every rank.
    private func classFolders(_ folder: TemporaryDirectory) throws {
      let made = try run(["mkdir", "-p", folder.file("train/a"), folder.file("train/b")])
      try #require(made.exitCode == 0, "\(made)")
      for number in 0..<12 {
        var picture = RGBImage(width: 40 + number, height: 70 - number, red: UInt8(20 * number), green: 90)
        picture = picture.drawing(className: "x", number: number)
        try folder.write(picture.jpegFile(), to: "train/\(number % 2 == 0 ? "a" : "b")/\(number).jpg")
      }
    }

    /// Compares every sample of epoch 0 that this rank's loader gives with the one that is drawn for its place.
    private func compare<Task: TrainingTask>(
      _ task: Task, targets: (Task.Input.Source.Sample, Task.ImageTargets) -> Bool
    ) throws {
      let batch = try task.configuration.batchPlan(ranks: world.size)
      let input = try task.openInput(batch: batch, classes: nil, communicator: world)
      let source = try task.openSamples().source
      let reader = source.makeReader()
      let next = input.batches(rank: world.rank, firstStep: 0)
      var seen: Set<Int> = []
      for step in 0..<input.schedule.stepsPerEpoch {
        for pass in 0..<batch.accumulate {
          let loaded = try next()
          let place = input.schedule.place(step: step, microBatch: pass, rank: world.rank, index: 0)
          #expect(place.epoch == 0)
          let drawn = try source.firstEpochSample(at: place.position, reader: reader)
          #expect(drawn.planes.elementsEqual(loaded.images), "step \(step), pass \(pass): other pixels")
          #expect(targets(drawn.sample, loaded.targets[0]), "step \(step), pass \(pass): other targets")
          seen.insert(place.position)
        }
      }
      // The places of all ranks are the first ones of the epoch, as many as its steps take.
      let all = try world.allgather(seen.sorted().map(String.init).joined(separator: " "))
      let places = all.flatMap { $0.split(separator: " ").compactMap { Int($0) } }
      #expect(places.sorted() == Array(0..<input.schedule.stepsPerEpoch * batch.global) && !places.isEmpty)
    }

    @Test("what is drawn for a detector are the pixels and boxes that its loader hands to the steps")
    func detector() throws {
      let detector = try #require(configuration("form: paper, depth: 18, classes: 5").task as? Detector)
      let anchors = detector.trainingAnchors
      try compare(detector) { sample, targets in
        let drawn = anchors.targets(KnownObjects(boxes: sample.boxes, classes: sample.classes))
        return drawn.positives == targets.positives && !drawn.positives.isEmpty
      }
    }

    @Test("the same for a segmentation, with the labels of its pixels")
    func segmenter() throws {
      let segmenter = try #require(configuration("name: segmentation, depth: 18, classes: 6").task as? Segmenter)
      try compare(segmenter) { sample, targets in sample.labels == targets }
    }

    @Test("the same for a classifier, with random crops, AutoAugment and Cutout")
    func classifier() throws {
      let folder = try TemporaryDirectory("drawn-\(world.rank)")
      try classFolders(folder)
      let settings = [
        "data.kind=image_folder", "data.root=\(folder.path)", "input.crop=random_resized", "input.auto_augment=true",
        "input.cutout=9",
      ]
      let classifier = try #require(
        configuration("name: resnet, depth: 18, classes: 2", settings).task as? Classifier)
      try compare(classifier) { sample, targets in sample.label == targets }
    }
  }
}

import Datasets
import Distributed
import Foundation
import Graph
import Tensors
import TestSupport
import Testing

@testable import Training

extension Ranks {
  /// Oracle: one rank.
  @Suite("DropBlock at inference") @RankThread struct InferenceDropBlockRankTests {
    private let world = RankWorld.shared
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory("inference-\(RankWorld.shared.rank)") }

    /// The evaluations of initial weights by these ranks, without DropBlock, with it at two seeds, and with it again.
    private func evaluations<Task: TrainingTask>(
      _ task: Task, _ communicator: Communicator
    ) throws -> [Task.Evaluator.Evaluation?] {
      let engine = Engine()
      let store = Plan(task.bareGraph, engine: engine, mode: .inference, policy: .direct).parameters
      store.initialize(seed: 5)
      let evaluator = try task.openEvaluator(engine: engine, store: store, classes: nil, communicator: communicator)
      func dropBlock(seed: Int) throws -> InferenceDropBlock {
        try DropBlockOption("keep_prob=0.8,block_size=2,seed=\(seed)")
          .resolved(for: task.configuration, option: "--dropblock")
      }
      return try [.off, dropBlock(seed: 1), dropBlock(seed: 2), dropBlock(seed: 1)].map {
        try evaluator.evaluate(dropBlock: $0, communicator: communicator, isStopped: { false })
      }
    }

    /// Compares what all ranks find together with what each of them finds alone; `parts` are numbers that tell all of it.
    private func compare<Task: TrainingTask>(
      _ task: Task, _ parts: (Task.Evaluator.Evaluation) -> [Double]
    ) throws {
      let together = try evaluations(task, world)
      let alone = try evaluations(task, try MPIEnvironment.start(environment: [:]).world).map {
        parts(try #require($0))
      }
      #expect(together.allSatisfy { ($0 != nil) == (world.rank == 0) })
      if world.rank == 0 { #expect(together.map { $0.map(parts) } == alone) }
      #expect(Set(alone).count == 3 && alone[1] == alone[3] && alone[0].count > 3)
    }

    @Test("a classifier's losses are to the bit those of one rank, image by image")
    func classifier() throws {
      // 19 batches, of which the last one is not full.
      var records: [UInt8] = []
      for number in 0..<300 {
        records.append(UInt8(number % 10))
        for place in 0..<3072 { records.append(UInt8((number * 7 + place * (number % 13 + 1) / 8) % 256)) }
      }
      let file = try folder.write(records, to: "images.bin")
      let configuration = try Configuration(
        text: """
          model: {name: customnet}
          data: {kind: cifar10, root: \(folder.path), train: {files: [\(file)]}, val: {files: [\(file)]}}
          input: {size: 32}

          """, name: "ranks.yaml")
      try compare(try #require(configuration.task as? Classifier)) { evaluation in
        evaluation.results.flatMap { [Double($0.index), Double($0.rank), $0.loss] }
      }
    }

    @Test("a detector's detections and losses are to the bit those of one rank")
    func detector() throws {
      let root = try ShapesDataset.root(
        of: ShapesSpecification(width: 64, height: 64, trainCount: 1, validationCount: 5, maximumObjectSize: 40),
        cache: folder.path)
      let configuration = try Configuration(
        text: """
          model: {form: paper, depth: 18, classes: 5}
          data: {kind: coco, root: \(root)}
          input: {size: 64, evaluation: {size: 64}}

          """, name: "ranks.yaml")
      try compare(try #require(configuration.task as? Detector)) { evaluation in
        var parts = evaluation.losses.figures.map(\.value)
        for result in evaluation.results {
          parts += [Double(result.imageID), Double(result.categoryID), result.score]
          for place in 0..<4 { parts.append(result.box[place]) }
        }
        return parts
      }
    }
  }
}

import Datasets
import Detection
import Distributed
import Tensors

/// A task that `bench` can time: one that knows a batch to work on.
protocol BenchmarkTask: TrainableTask {
  /// What an image of noise shows, for the console.
  var syntheticObjects: String { get }

  /// What the losses want of images of noise, from random numbers for each.
  func syntheticTargets(_ random: inout [RandomSequence]) -> [ImageTargets]
}

extension Detector: BenchmarkTask {
  /// Objects of an image of noise.
  static let syntheticBoxes = 8

  var syntheticObjects: String { "\(Self.syntheticBoxes) boxes an image" }

  /// Boxes with sides from an eighth to half of the image's, of any class.
  func syntheticTargets(_ random: inout [RandomSequence]) -> [AnchorTargets] {
    let ((height, width), anchors) = (trainingSize, trainingAnchors)
    return random.indices.map { image in
      func interval(_ side: Int) -> (Float, Float) {
        let length = Float(side) * (0.125 + 0.375 * random[image].uniform())
        let start = (Float(side) - length) * random[image].uniform()
        return (start, start + length)
      }
      let boxes = (0..<Self.syntheticBoxes).map { _ in
        let ((x1, x2), (y1, y2)) = (interval(width), interval(height))
        return Box(x1: x1, y1: y1, x2: x2, y2: y2)
      }
      let classes = boxes.map { _ in random[image].classIndex(of: configuration.model.classes) }
      return anchors.targets(boxes: boxes, classIndices: classes)
    }
  }
}

extension Classifier: BenchmarkTask {
  var syntheticObjects: String { "one class an image" }

  func syntheticTargets(_ random: inout [RandomSequence]) -> [Int] {
    random.indices.map { random[$0].classIndex(of: configuration.model.classes) }
  }
}

extension RandomSequence {
  /// One of so many classes.
  fileprivate mutating func classIndex(of count: Int) -> Int { Int(next(upperBound: UInt64(count))) }
}

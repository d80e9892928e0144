import Datasets
import Detection
import Distributed
import Tensors

extension Detector {
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

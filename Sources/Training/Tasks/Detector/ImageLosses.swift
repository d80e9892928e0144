import Datasets
import Detection

/// The objects that an image is known to hold.
struct KnownObjects: Equatable {
  /// Boxes (x1, y1, x2, y2), in pixels.
  var boxes: [SIMD4<Float>] = []
  /// The class of each box, in the model's numbering.
  var classes: [Int] = []

  /// The objects of a stored picture on the canvas of a placement, clipped and limited as the transform's form does.
  func placed(_ transform: ImageTransform, _ placement: Placement) -> KnownObjects {
    let placed = transform.placeObjects(boxes: boxes, classes: classes, placement)
    return KnownObjects(boxes: placed.boxes, classes: placed.classes)
  }
}

extension Anchors {
  /// Matches objects on the canvas with the anchors and encodes their boxes.
  func targets(_ objects: KnownObjects) -> AnchorTargets {
    targets(
      boxes: objects.boxes.map { Box(x1: $0[0], y1: $0[1], x2: $0[2], y2: $0[3]) }, classIndices: objects.classes)
  }
}

/// The losses of one image, each divided by the image's own positive anchors as the detector's form does.
///
/// torchvision divides by the positives, at least 1, which is its own loss of the image. The paper's form, which in training
/// divides by the positives of a whole batch and 1, divides by those of the image and 1: its training loss of a batch of this
/// image alone. So the mean over images depends neither on batches nor on ranks. The loss of an image without objects is
/// that of its background.
struct ImageLosses: Equatable, BitwiseCopyable {
  /// The focal loss.
  var classLoss: Double
  /// The box loss with its weight.
  var boxLoss: Double

  /// The losses of an image with its place in the data set.
  struct Numbered: BitwiseCopyable {
    let position: Int
    let losses: ImageLosses
  }
}

extension [ImageLosses.Numbered] {
  /// The means of class and box loss over all images, to the bit the same in whatever order they come.
  var means: [Double] {
    let inOrder = sorted { $0.position < $1.position }.map(\.losses)
    return [\ImageLosses.classLoss, \.boxLoss].map { part in
      inOrder.reduce(0) { $0 + $1[keyPath: part] } / Double(Swift.max(1, count))
    }
  }
}

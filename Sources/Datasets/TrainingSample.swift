/// One picture of a batch with its objects, in pixels of the canvas.
public struct TrainingSample: LoadedSample, Equatable {
  /// The picture's index in the data set.
  public var imageIndex: Int
  /// The picture's identifier in the annotation file.
  public var imageID: Int
  /// How the stored picture became the input.
  public var placement: Placement
  /// Boxes (x1, y1, x2, y2), each at least a part of a pixel wide and high.
  public var boxes: [SIMD4<Float>]
  /// The class of each box, in the model's numbering.
  public var classes: [Int]

  /// A sample of its parts.
  public init(imageIndex: Int, imageID: Int, placement: Placement, boxes: [SIMD4<Float>], classes: [Int]) {
    (self.imageIndex, self.imageID, self.placement) = (imageIndex, imageID, placement)
    (self.boxes, self.classes) = (boxes, classes)
  }

  /// The wanted ratio of resized to stored size.
  public var scale: Float { placement.scale }
  /// Columns of the resized picture, before crop and padding.
  public var resizedWidth: Int { placement.resizedWidth }
  /// Rows of the resized picture, before crop and padding.
  public var resizedHeight: Int { placement.resizedHeight }
}

extension ImageTransform {
  /// Boxes of the stored picture on the canvas, clipped as the form prescribes, with their classes.
  ///
  /// The paper's form clips to [0, size - 1], torchvision's training recipe to the stored picture. What has no area
  /// left is dropped (the official code drops only boxes of four zeros; one squeezed flat at another edge would still
  /// claim an anchor), and so is what exceeds `maximumObjects`.
  public func placeObjects(
    boxes: [SIMD4<Float>], classes: [Int], _ placement: Placement
  ) -> (boxes: [SIMD4<Float>], classes: [Int]) {
    var result: (boxes: [SIMD4<Float>], classes: [Int]) = ([], [])
    let limit = maximumObjects ?? .max
    let zero = SIMD4<Float>(repeating: 0)
    for (box, kind) in zip(boxes, classes) where result.boxes.count < limit {
      let placed: SIMD4<Float>
      switch form {
      case .paper(let height, let width, _):
        let limits = SIMD4(Float(width - 1), Float(height - 1), Float(width - 1), Float(height - 1))
        placed = placement.box(fromSource: box).clamped(lowerBound: zero, upperBound: limits)
      case .torchvision:
        let (width, height) = (Float(placement.sourceWidth), Float(placement.sourceHeight))
        let clipped = box.clamped(lowerBound: zero, upperBound: SIMD4(width, height, width, height))
        placed = placement.box(fromSource: clipped)
      }
      if placed[2] > placed[0] && placed[3] > placed[1] {
        result.boxes.append(placed)
        result.classes.append(kind)
      }
    }
    return result
  }
}

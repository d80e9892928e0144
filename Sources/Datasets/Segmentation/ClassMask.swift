import Tensors

/// The class of each pixel of a picture, rows from top to bottom, one byte a pixel.
public struct ClassMask: Equatable, Sendable {
  /// The value of a pixel that belongs to no class and does not count, as in PASCAL VOC.
  public static let void: UInt8 = 255

  /// Columns.
  public private(set) var width: Int
  /// Rows.
  public private(set) var height: Int
  /// The class of pixel (x, y) is at y * width + x.
  public internal(set) var classes: [UInt8]

  /// A mask of its pixels; traps unless there are width x height of them.
  public init(width: Int, height: Int, classes: [UInt8]) {
    require(classes.count == width * height, "\(classes.count) classes for \(width)x\(height) pixels")
    (self.width, self.height, self.classes) = (width, height, classes)
  }

  /// The mask with each class replaced by that at its place in `numbers`, which has 256.
  func renumbered(_ numbers: [UInt8]) -> ClassMask {
    ClassMask(width: width, height: height, classes: classes.map { numbers[Int($0)] })
  }
}

extension ClassMask {
  /// The mask of a canvas whose labels are those of every `step`th row and column: each holds up to the next one.
  ///
  /// Traps unless there are as many labels as that makes.
  public init(labels: [UInt8], every step: Int, width: Int, height: Int) {
    let columns = (width + step - 1) / step
    require(
      labels.count == columns * ((height + step - 1) / step), "\(labels.count) labels for \(width)x\(height) pixels")
    var classes: [UInt8] = []
    classes.reserveCapacity(width * height)
    for y in 0..<height {
      for x in 0..<width { classes.append(labels[y / step * columns + x / step]) }
    }
    self.init(width: width, height: height, classes: classes)
  }
}

extension Placement {
  /// The labels of a mask of the stored picture at every `step`th row and column of the canvas, from the first on.
  ///
  /// Pixels of the canvas take that of the mask that TensorFlow 1's `resize_nearest_neighbor` gives them, the one at
  /// floor(i * stored / resized), after the flip; `padding` is what the canvas has where there is no picture.
  public func labels(of mask: ClassMask, every step: Int, padding: UInt8) -> [UInt8] {
    require(
      mask.width == sourceWidth && mask.height == sourceHeight,
      "a mask of \(mask.width)x\(mask.height) for a picture of \(sourceWidth)x\(sourceHeight)")
    let columns = stride(from: 0, to: canvasWidth, by: step).map { x -> Int? in
      guard x < visibleWidth else { return nil }
      let column = nearest(x + cropX, resized: resizedWidth, stored: sourceWidth)
      return isFlipped ? sourceWidth - 1 - column : column
    }
    var labels: [UInt8] = []
    labels.reserveCapacity(columns.count * ((canvasHeight + step - 1) / step))
    for y in stride(from: 0, to: canvasHeight, by: step) {
      guard y < visibleHeight else {
        labels += repeatElement(padding, count: columns.count)
        continue
      }
      let row = nearest(y + cropY, resized: resizedHeight, stored: sourceHeight) * mask.width
      labels += columns.map { column in column.map { mask.classes[row + $0] } ?? padding }
    }
    return labels
  }

  private func nearest(_ position: Int, resized: Int, stored: Int) -> Int {
    min(stored - 1, Int(Float(position) * (Float(stored) / Float(resized))))
  }

  /// The placement of a picture in its own size at the upper left of a canvas at least as large.
  public static func unscaled(width: Int, height: Int, canvas: (height: Int, width: Int)) -> Placement {
    Placement(
      sourceWidth: width, sourceHeight: height, isFlipped: false, scale: 1, resizedWidth: width, resizedHeight: height,
      cropX: 0, cropY: 0, canvasWidth: canvas.width, canvasHeight: canvas.height)
  }
}

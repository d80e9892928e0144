/// An annotated object of a COCO file, as average precision needs it.
public struct COCOGroundTruth: Sendable {
  /// The annotation's id.
  public var id: Int
  /// The id of its image.
  public var imageID: Int
  /// The id of its category.
  public var categoryID: Int
  /// (x, y, width, height) in pixels of the original image.
  public var box: SIMD4<Double>
  /// The area in square pixels that decides between small, medium and large: the file's own, often of a mask.
  public var area: Double
  /// Whether it outlines a crowd: found or not, it does not count, and any number of detections may lie in it.
  public var isCrowd: Bool

  /// An annotated object.
  public init(id: Int, imageID: Int, categoryID: Int, box: SIMD4<Double>, area: Double, isCrowd: Bool) {
    (self.id, self.imageID, self.categoryID) = (id, imageID, categoryID)
    (self.box, self.area, self.isCrowd) = (box, area, isCrowd)
  }
}

/// A detection as in a COCO results file.
public struct COCOResult: Sendable, BitwiseCopyable {
  /// The id of its image.
  public var imageID: Int
  /// The id of its category.
  public var categoryID: Int
  /// (x, y, width, height) in pixels of the original image.
  public var box: SIMD4<Double>
  /// Its score; only the order matters.
  public var score: Double

  /// A detection.
  public init(imageID: Int, categoryID: Int, box: SIMD4<Double>, score: Double) {
    (self.imageID, self.categoryID, self.box, self.score) = (imageID, categoryID, box, score)
  }

  /// A detection of the network in an image.
  public init(_ detection: Detection, imageID: Int, categoryID: Int) {
    let box = detection.box
    self.init(
      imageID: imageID, categoryID: categoryID,
      box: SIMD4(
        Double(box.x1), Double(box.y1), Double(box.x2) - Double(box.x1), Double(box.y2) - Double(box.y1)),
      score: Double(detection.score))
  }
}

/// The fixed numbers of COCO's bounding-box protocol.
enum COCOProtocol {
  /// Overlaps from which a detection counts as found: 0.5 to 0.95.
  ///
  /// Computed as a start and equal steps, in the arithmetic of the reference: the ninth is 0.8999999999999999.
  static let overlaps: [Double] = {
    let step = (0.95 - 0.5) / 9
    return (0..<9).map { (index: Int) -> Double in 0.5 + Double(index) * step } + [0.95]
  }()
  /// Recalls at which precision is read: 0 to 1.
  static let recalls: [Double] = (0...100).map { (index: Int) -> Double in index == 100 ? 1 : Double(index) * 0.01 }
  /// The inclusive area ranges: all, small, medium, large, in square pixels.
  static let areas: [(lowest: Double, highest: Double)] = [(0, 1e10), (0, 1024), (1024, 9216), (9216, 1e10)]
  /// The detections of an image and category that count, at most.
  static let detectionLimit = 100
  /// A mask with a bit for each overlap.
  static let allOverlaps: UInt16 = 0x3ff
}

/// The objects of a detector's data: what is used of them, and how their boxes lie in the images.
public struct ObjectCensus: Codable, Equatable, Sendable {
  /// All of them.
  public internal(set) var count = 0
  /// Those that can be learned from.
  public internal(set) var used = 0
  /// Images without an object that can be learned from, missing ones not among them.
  public internal(set) var imagesWithout = 0
  /// Objects of images whose files are missing, whatever else they are; nil where not every file was looked for.
  public internal(set) var ofMissingImages: Int?
  /// Crowds, which training leaves out.
  public internal(set) var crowds = 0
  /// Boxes without width or height, which training leaves out.
  public internal(set) var withoutArea = DataCensus.Tally()
  /// Boxes that lie wholly outside their image, which training leaves out and nothing can find.
  public internal(set) var outsideImage = DataCensus.Tally()
  /// Boxes that reach beyond the edges of their image by more than 2 pixels and 1 % of its side, those outside among them.
  public internal(set) var beyondEdges = DataCensus.Tally()
  /// Boxes whose four numbers are 0 to 1, in images of at least 16 pixels on either side.
  public internal(set) var withinOne = DataCensus.Tally()
  /// Boxes narrower or lower than a pixel, which training uses all the same, as the official code does.
  public internal(set) var belowPixel = DataCensus.Tally()
  /// Those of them whose width and height are both at most 1.
  var withinPixel = 0
  /// Boxes within the upper left 100x100 pixels of images of at least 200 on either side.
  var withinHundred = 0
  /// Boxes with an area.
  var withArea = 0
  /// Boxes that lie within their images if their numbers are read as two corners.
  var asCorners = 0
  /// Boxes that lie within their images if their first two numbers are read as their middle.
  var asCentres = 0

  enum CodingKeys: String, CodingKey {
    case count, used, crowds
    case imagesWithout = "images_without"
    case ofMissingImages = "of_missing_images"
    case withoutArea = "without_area"
    case outsideImage = "outside_image"
    case beyondEdges = "beyond_edges"
    case withinOne = "within_one"
    case belowPixel = "below_pixel"
  }

  /// The share of boxes that are within 0 to 1 from which on a data set is taken for one in relative coordinates.
  static let relativeShare = 0.95
  /// The share of boxes that reach beyond the edges, have no area, lie outside or are below a pixel, from which on it is a
  /// warning.
  static let suspiciousShare = 0.2
  /// The share of boxes that another reading must fit to be named as the likely cause.
  static let likelyShare = 0.95
  /// Boxes from which on all of them being in the upper left 100x100 pixels is a warning.
  static let enoughForPercentages = 20

  /// Boxes that training drops as faults.
  public var faults: Int { withoutArea.count + outsideImage.count }

  /// Whether the boxes are given as shares of the images' sizes.
  var isRelative: Bool { withinOne.count > 0 && Double(withinOne.count) >= Self.relativeShare * Double(withArea) }

  /// Counts the objects of an image that is missing.
  mutating func miss(_ objects: Int) {
    count += objects
    ofMissingImages = (ofMissingImages ?? 0) + objects
  }

  /// Counts an annotation and returns whether it can be learned from.
  mutating func add(_ box: COCOAnnotation, of image: COCOImage) -> Bool {
    count += 1
    if box.isCrowd {
      crowds += 1
      return false
    }
    let fault = box.fault(in: image)
    if fault == .zeroSizeBox {
      withoutArea.add(box.cause(in: image))
      return false
    }
    withArea += 1
    let (width, height) = (Double(image.width), Double(image.height))
    let (right, bottom) = (max(2, width / 100), max(2, height / 100))
    func fits(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> Bool {
      x1 >= -right && y1 >= -bottom && x2 <= width + right && y2 <= height + bottom
    }
    if !fits(box.x, box.y, box.x + box.width, box.y + box.height) {
      beyondEdges.add(
        "annotation \(box.id) of \(image.fileName), \(box.text) in \(image.width)x\(image.height) pixels")
    }
    if box.width > box.x && box.height > box.y && fits(box.x, box.y, box.width, box.height) { asCorners += 1 }
    let (halfWidth, halfHeight) = (box.width / 2, box.height / 2)
    if fits(box.x - halfWidth, box.y - halfHeight, box.x + halfWidth, box.y + halfHeight) { asCentres += 1 }
    let numbers = [box.x, box.y, box.width, box.height]
    if min(image.width, image.height) >= 16 && numbers.allSatisfy({ $0 >= 0 && $0 <= 1 }) {
      withinOne.add("annotation \(box.id) of \(image.fileName), \(box.text)")
    }
    if min(box.width, box.height) < 1 {
      belowPixel.add("annotation \(box.id) of \(image.fileName), \(box.text)")
      if max(box.width, box.height) <= 1 { withinPixel += 1 }
    }
    if min(image.width, image.height) >= 200 && box.x >= 0 && box.y >= 0 && box.x + box.width <= 100
      && box.y + box.height <= 100
    {
      withinHundred += 1
    }
    if fault != nil {
      outsideImage.add(box.cause(in: image))
      return false
    }
    used += 1
    return true
  }
}

extension COCOAnnotation {
  /// What keeps the box from being learned from, nil where nothing does; one that reaches beyond an edge is clipped.
  func fault(in image: COCOImage) -> DataFault.Kind? {
    if width <= 0 || height <= 0 { return .zeroSizeBox }
    if x >= Double(image.width) || y >= Double(image.height) || x + width <= 0 || y + height <= 0 { return .outsideBox }
    return nil
  }

  /// What is wrong with a box that cannot be learned from, in words.
  func cause(in image: COCOImage) -> String {
    let box = "annotation \(id) of \(image.fileName) has a box "
    return fault(in: image) == .outsideBox
      ? box + "outside its image, \(text) in \(image.width)x\(image.height) pixels" : box + "of \(width)x\(height)"
  }

  /// The box as the annotation file writes it.
  var text: String { "[\(x), \(y), \(width), \(height)]" }
}

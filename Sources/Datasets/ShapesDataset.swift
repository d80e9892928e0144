import Foundation
import Tensors

/// What the generated data set holds: pictures of one to a few shapes of five kinds over textured backgrounds.
public struct ShapesSpecification: Equatable, Sendable {
  /// Columns of each picture.
  public var width: Int
  /// Rows of each picture.
  public var height: Int
  /// Pictures to train on.
  public var trainCount: Int
  /// Pictures to evaluate on.
  public var validationCount: Int
  /// The seed of everything random in the pictures.
  public var seed: UInt64
  /// The least length of a box's longer side, in pixels.
  public var minimumObjectSize: Int
  /// The greatest length of a box's longer side; at most 0.7 of the picture is used.
  public var maximumObjectSize: Int
  /// The most objects of a picture; each has at least one.
  public var maximumObjects: Int
  /// How far, in turns of the colour circle, a shape's hue strays from that of its kind.
  ///
  /// 0.5 makes colour meaningless; a small value makes the set easy, which is what a first run of minutes needs.
  public var hueSpread: Float

  /// A specification; the defaults suit a run of minutes on two cores.
  public init(
    width: Int = 160, height: Int = 160, trainCount: Int = 600, validationCount: Int = 100, seed: UInt64 = 1,
    minimumObjectSize: Int = 24, maximumObjectSize: Int = 80, maximumObjects: Int = 3, hueSpread: Float = 0.06
  ) {
    require(
      width >= 16 && height >= 16 && trainCount >= 1 && validationCount >= 1 && maximumObjects >= 1
        && minimumObjectSize >= 4 && minimumObjectSize <= min(width, height) * 7 / 10
        && minimumObjectSize <= maximumObjectSize,
      "impossible shapes: \(width)x\(height), objects of \(minimumObjectSize) to \(maximumObjectSize)")
    (self.width, self.height, self.trainCount, self.validationCount) = (width, height, trainCount, validationCount)
    (self.seed, self.minimumObjectSize, self.maximumObjectSize) = (seed, minimumObjectSize, maximumObjectSize)
    (self.maximumObjects, self.hueSpread) = (maximumObjects, hueSpread)
  }

  /// The name of the data set's folder in the cache: version and every parameter.
  func folderName(_ layout: ShapesDataset.Layout) -> String {
    "\(layout.version)-\(width)x\(height)-\(trainCount)-\(validationCount)-seed\(seed)"
      + "-\(minimumObjectSize)to\(maximumObjectSize)-\(maximumObjects)-\(hueSpread)"
  }
}

/// The generated data set on disk.
public enum ShapesDataset {
  /// What is written about the shapes, and how.
  public enum Layout: Sendable {
    /// Boxes: `annotations/instances_{train,val}2017.json`, `train2017` and `val2017`, as COCO 2017.
    case boxes
    /// Masks: `JPEGImages`, `SegmentationClass` and `ImageSets/Segmentation/{train,val}.txt`, as PASCAL VOC 2012.
    ///
    /// Pixels that a shape covers in part are void.
    case masks

    /// What the name of the data set's folder in the cache starts with.
    fileprivate var version: String {
      switch self {
      case .boxes: "shapes-v1"
      case .masks: "shapes-masks-v1"
      }
    }
  }

  /// The classes of the masks.
  public static let maskClasses = ClassList(names: ["background"] + ShapeKind.allCases.map(\.name))

  /// The root folder of the data set, written to `cache` when it is not there yet.
  ///
  /// It appears by renaming, so it is complete or absent, and several processes may write it at once. Throws exit code 73.
  public static func root(
    of specification: ShapesSpecification, layout: Layout = .boxes, cache: String = CacheDirectory.path()
  ) throws -> String {
    let root = "\(cache)/\(specification.folderName(layout))"
    try CacheDirectory.requireTrusted(cache)
    if FileManager.default.fileExists(atPath: root) { return root }
    try CacheDirectory.create(cache)
    let temporary = temporaryName(beside: root)
    defer { try? FileManager.default.removeItem(atPath: temporary) }
    for (part, name, count) in [(0, "train", specification.trainCount), (1, "val", specification.validationCount)] {
      let pictures = (0..<count).lazy.map { specification.picture($0, part: part) }
      switch layout {
      case .boxes: try writeBoxes(specification, pictures, "\(name)2017", to: temporary)
      case .masks: try writeMasks(pictures, name, to: temporary)
      }
    }
    if rename(temporary, root) != 0 && !FileManager.default.fileExists(atPath: root) {
      throw InputError(.cannotWrite, "\(root): cannot be written: \(systemMessage()); \(CacheDirectory.remedy)")
    }
    return root
  }

  /// The number of a picture as the name of its file, from 1.
  private static func stem(_ number: Int) -> String {
    String(repeating: "0", count: max(0, 6 - "\(number + 1)".count)) + "\(number + 1)"
  }

  private static func writeMasks(
    _ pictures: some Sequence<ShapePicture>, _ name: String, to root: String
  ) throws {
    for folder in ["JPEGImages", "SegmentationClass", "ImageSets/Segmentation"] {
      try CacheDirectory.create("\(root)/\(folder)")
    }
    var list = ""
    for (number, picture) in pictures.enumerated() {
      let stem = "\(name)-\(stem(number))"
      try writeFile(picture.image.jpegFile(quality: 92), to: "\(root)/JPEGImages/\(stem).jpg")
      try writeFile(picture.mask.pngFile(), to: "\(root)/SegmentationClass/\(stem).png")
      list += "\(stem)\n"
    }
    try writeFile(Array(list.utf8), to: "\(root)/ImageSets/Segmentation/\(name).txt")
  }

  private static func writeBoxes(
    _ specification: ShapesSpecification, _ pictures: some Sequence<ShapePicture>, _ name: String, to root: String
  ) throws {
    try CacheDirectory.create("\(root)/annotations")
    try CacheDirectory.create("\(root)/\(name)")
    var (images, annotations): ([String], [String]) = ([], [])
    for (number, picture) in pictures.enumerated() {
      let file = "\(stem(number)).jpg"
      try writeFile(picture.image.jpegFile(quality: 92), to: "\(root)/\(name)/\(file)")
      images.append(
        "{\"id\": \(number + 1), \"file_name\": \"\(file)\", \"width\": \(specification.width), "
          + "\"height\": \(specification.height)}")
      for object in picture.objects {
        let box = object.box
        let numbers = [box[0], box[1], box[2] - box[0], box[3] - box[1]].map(twoDigits).joined(separator: ", ")
        annotations.append(
          "{\"id\": \(annotations.count + 1), \"image_id\": \(number + 1), \"category_id\": \(object.kind.categoryID), "
            + "\"bbox\": [\(numbers)], \"area\": \(twoDigits(object.area)), \"iscrowd\": 0}")
      }
    }
    let categories = ShapeKind.allCases.map { "{\"id\": \($0.categoryID), \"name\": \"\($0.name)\"}" }
    let json = """
      {"images": [
      \(images.joined(separator: ",\n"))
      ], "annotations": [
      \(annotations.joined(separator: ",\n"))
      ], "categories": [
      \(categories.joined(separator: ",\n"))
      ]}

      """
    try writeFile(Array(json.utf8), to: "\(root)/annotations/instances_\(name).json")
  }

  /// A number rounded to hundredths.
  private static func twoDigits(_ number: Float) -> String { "\((Double(number) * 100).rounded() / 100)" }
}

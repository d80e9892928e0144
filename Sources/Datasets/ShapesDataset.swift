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
  var folderName: String {
    "shapes-v1-\(width)x\(height)-\(trainCount)-\(validationCount)-seed\(seed)"
      + "-\(minimumObjectSize)to\(maximumObjectSize)-\(maximumObjects)-\(hueSpread)"
  }
}

/// The generated data set on disk, in COCO 2017's layout.
public enum ShapesDataset {
  /// The root folder of the data set, written to `cache` when it is not there yet.
  ///
  /// Holds `annotations/instances_{train,val}2017.json`, `train2017` and `val2017`. It appears by renaming, so it is
  /// complete or absent, and several processes may write it at once. Throws exit code 73.
  public static func root(of specification: ShapesSpecification, cache: String = CacheDirectory.path()) throws -> String
  {
    let root = "\(cache)/\(specification.folderName)"
    try CacheDirectory.requireTrusted(cache)
    if FileManager.default.fileExists(atPath: root) { return root }
    try CacheDirectory.create(cache)
    let temporary = temporaryName(beside: root)
    defer { try? FileManager.default.removeItem(atPath: temporary) }
    try CacheDirectory.create(temporary + "/annotations")
    try write(specification, part: 0, count: specification.trainCount, "train2017", to: temporary)
    try write(specification, part: 1, count: specification.validationCount, "val2017", to: temporary)
    if rename(temporary, root) != 0 && !FileManager.default.fileExists(atPath: root) {
      throw InputError(.cannotWrite, "\(root): cannot be written: \(systemMessage()); \(CacheDirectory.remedy)")
    }
    return root
  }

  private static func write(
    _ specification: ShapesSpecification, part: Int, count: Int, _ name: String, to root: String
  ) throws {
    try CacheDirectory.create("\(root)/\(name)")
    var (images, annotations): ([String], [String]) = ([], [])
    for number in 0..<count {
      let picture = specification.picture(number, part: part)
      let file = String(repeating: "0", count: max(0, 6 - "\(number + 1)".count)) + "\(number + 1).jpg"
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

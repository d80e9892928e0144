import Foundation
import Tensors

/// How the categories of an annotation file become the classes of a model.
public enum ClassNumbering: Equatable, Sendable {
  /// The category with the smallest identifier is class 0, and so on.
  case byOrder
  /// The class is the identifier less `first`: 1 for the official RetinaNet code on COCO, 0 for torchvision.
  case byIdentifier(first: Int)
}

/// Pictures in a folder with their objects in a COCO annotation file.
public struct DetectionDataset: Sendable {
  /// The annotations.
  public let index: COCOIndex
  /// The folder of the pictures.
  public let imageDirectory: String
  /// How categories become classes.
  public let numbering: ClassNumbering
  /// What becomes of picture files that state an orientation.
  public let orientation: OrientationRule
  private let classOfCategory: [Int: Int]
  private let categoryOfClass: [Int: COCOCategory]

  /// A data set for a model of `classCount` classes.
  ///
  /// Throws exit code 66 when the folder is missing, 65 when there are no pictures, when a name cannot be that of a file or
  /// a category has no class.
  public init(
    index: COCOIndex, imageDirectory: String, numbering: ClassNumbering, classCount: Int,
    orientation: OrientationRule = .auto
  ) throws {
    var isDirectory = ObjCBool(false)
    guard FileManager.default.fileExists(atPath: imageDirectory, isDirectory: &isDirectory), isDirectory.boolValue
    else { throw InputError(.missingFile, "\(imageDirectory): the folder of the images is missing") }
    if index.imageCount == 0 { throw InputError(.badData, "\(index.path): lists no images") }
    for position in 0..<index.imageCount {
      let image = index.image(at: position)
      if image.fileName.utf8.contains(0) {
        // The system would take what precedes it for the name.
        throw InputError(
          .badData,
          "\(index.path): image \(image.id): \"file_name\": expected the name of a file, got one with a zero character, "
            + "\"\(image.fileName.replacingOccurrences(of: "\0", with: "\\u0000"))\"; mend the annotations")
      }
    }
    (self.index, self.imageDirectory, self.numbering) = (index, imageDirectory, numbering)
    self.orientation = orientation
    var (classes, categories): ([Int: Int], [Int: COCOCategory]) = ([:], [:])
    for (order, category) in index.categories.enumerated() {
      let number: Int
      switch numbering {
      case .byOrder: number = order
      case .byIdentifier(let first): number = category.id - first
      }
      guard number >= 0 && number < classCount else {
        throw InputError(
          .badData,
          "\(index.path): category \(category.id) (\(category.name)) would be class \(number), the model has "
            + "\(classCount) classes; set model.classes to the data's")
      }
      classes[category.id] = number
      categories[number] = category
    }
    (classOfCategory, categoryOfClass) = (classes, categories)
  }

  /// The category of a class, nil for a class that stands for none.
  public func category(ofClass number: Int) -> COCOCategory? { categoryOfClass[number] }

  /// The path of the picture at a position of the index.
  ///
  /// An absolute name is taken as such where that file exists, and backslashes are taken for slashes where only then a file
  /// exists.
  public func imagePath(at position: Int) -> String {
    ListedName(index.image(at: position).fileName).path(in: imageDirectory)
  }

  /// The trainable objects of a picture in file order: no crowds, and none without area or outside the picture, which are
  /// returned as faults.
  ///
  /// Boxes are corners in pixels of the picture that the annotations are of.
  public func objects(at position: Int) -> (boxes: [SIMD4<Float>], classes: [Int], faults: [DataFault]) {
    var result: (boxes: [SIMD4<Float>], classes: [Int], faults: [DataFault]) = ([], [], [])
    let image = index.image(at: position)
    for annotation in index.annotations(at: position) where !annotation.isCrowd {
      guard let number = classOfCategory[annotation.categoryID] else { continue }
      if let kind = annotation.fault(in: image) {
        result.faults.append(DataFault(kind: kind, cause: "\(index.path): \(annotation.cause(in: image))"))
      } else {
        // Numbers beyond the range of Float would be infinite.
        let limit = SIMD4<Float>(repeating: .greatestFiniteMagnitude)
        result.boxes.append(annotation.corners.clamped(lowerBound: -limit, upperBound: limit))
        result.classes.append(number)
      }
    }
    return result
  }
}

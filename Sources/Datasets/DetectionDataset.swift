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
  private let classOfCategory: [Int: Int]
  private let categoryOfClass: [Int: COCOCategory]

  /// A data set for a model of `classCount` classes.
  ///
  /// Throws exit code 66 when the folder is missing, 65 when there are no pictures, one has no name or size, or a category
  /// has no name or no class.
  public init(index: COCOIndex, imageDirectory: String, numbering: ClassNumbering, classCount: Int) throws {
    var isDirectory = ObjCBool(false)
    guard FileManager.default.fileExists(atPath: imageDirectory, isDirectory: &isDirectory), isDirectory.boolValue
    else { throw InputError(.missingFile, "\(imageDirectory): the folder of the images is missing") }
    if index.imageCount == 0 { throw InputError(.badData, "\(index.path): lists no images") }
    try index.requireDescriptions()
    (self.index, self.imageDirectory, self.numbering) = (index, imageDirectory, numbering)
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
  public func imagePath(at position: Int) -> String { "\(imageDirectory)/\(index.image(at: position).fileName)" }

  /// The trainable objects of a picture in file order: no crowds, no boxes without area, which are returned as faults.
  ///
  /// Boxes are corners in pixels of the stored picture.
  public func objects(at position: Int) -> (boxes: [SIMD4<Float>], classes: [Int], faults: [DataFault]) {
    var result: (boxes: [SIMD4<Float>], classes: [Int], faults: [DataFault]) = ([], [], [])
    for annotation in index.annotations(at: position) where !annotation.isCrowd {
      guard let number = classOfCategory[annotation.categoryID] else { continue }
      if annotation.width > 0 && annotation.height > 0 {
        result.boxes.append(annotation.corners)
        result.classes.append(number)
      } else {
        result.faults.append(
          DataFault(
            kind: .zeroSizeBox,
            cause:
              "\(index.path): annotation \(annotation.id) of \(index.image(at: position).fileName) has a box of "
              + "\(annotation.width)x\(annotation.height)"))
      }
    }
    return result
  }

  /// Throws exit code 65, naming the annotation, for a box without width or height, as evaluation wants it.
  public func requireProperBoxes() throws {
    for position in 0..<index.imageCount {
      if let fault = objects(at: position).faults.first {
        throw InputError(.badData, "\(fault.cause); mend or remove the annotation")
      }
    }
  }
}

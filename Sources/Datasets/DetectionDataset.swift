import Foundation
import Tensors

/// How the categories of an annotation file become the classes of a model.
public enum ClassNumbering: Equatable, Sendable {
  /// The category with the smallest identifier is class 0, and so on.
  case byOrder
  /// The class is the identifier less `first`: 1 for the official RetinaNet code on COCO, 0 for torchvision.
  case byIdentifier(first: Int)
  /// The class is the one of the category's name among those of a model or of other data.
  case byName(ExpectedClasses)
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
  /// Throws exit code 66 when the folder is missing, 65 when there are no pictures, one has no size or a name that cannot be
  /// that of a file, a category has no class, or categories have no name or the same one.
  public init(
    index: COCOIndex, imageDirectory: String, numbering: ClassNumbering, classCount: Int,
    orientation: OrientationRule = .auto
  ) throws {
    var isDirectory = ObjCBool(false)
    guard FileManager.default.fileExists(atPath: imageDirectory, isDirectory: &isDirectory), isDirectory.boolValue
    else {
      throw InputError(
        .missingFile,
        "\(imageDirectory): the folder of the images is missing; data.root, or images of data.train or data.val, says where it "
          + "lies")
    }
    if index.imageCount == 0 { throw InputError(.badData, "\(index.path): lists no images; is it the right file?") }
    try index.requireImageDescriptions()
    (self.index, self.imageDirectory, self.numbering) = (index, imageDirectory, numbering)
    self.orientation = orientation
    let numbers = try Self.classNumbers(of: index, numbering: numbering, classCount: classCount)
    classOfCategory = Dictionary(zip(index.categories.map(\.id), numbers)) { first, _ in first }
    categoryOfClass = Dictionary(zip(numbers, index.categories)) { first, _ in first }
  }

  /// The class of each category, in the order of the file; throws as the initialiser for categories.
  private static func classNumbers(
    of index: COCOIndex, numbering: ClassNumbering, classCount: Int
  ) throws -> [Int] {
    try requireNames(of: index)
    let numbers: [Int]
    switch numbering {
    case .byOrder: numbers = Array(index.categories.indices)
    // Wrapping around, the least of all identifiers is out of range too.
    case .byIdentifier(let first): numbers = index.categories.map { $0.id &- first }
    case .byName(let expected): numbers = try expected.numbers(of: index.categories.map(\.name), in: index.path)
    }
    for (category, number) in zip(index.categories, numbers) where number < 0 || number >= classCount {
      throw InputError(
        .badData,
        "\(index.path): category \(category.id) (\(category.name)) would be class \(number), the model has "
          + "\(classCount) classes; set model.classes to the data's")
    }
    return numbers
  }

  /// The class of a category, nil for an identifier that the file does not list.
  func classNumber(ofCategory identifier: Int) -> Int? { classOfCategory[identifier] }

  /// The category of a class, nil for a class that stands for none.
  public func category(ofClass number: Int) -> COCOCategory? { categoryOfClass[number] }

  /// The categories as classes in the order of their numbers.
  public var classes: ClassList { Self.list(categoryOfClass) }

  /// The names of all classes that there should be, in the order of their numbers.
  var expectedNames: [String] {
    if case .byName(let expected) = numbering { return expected.list.names }
    return classes.names
  }

  /// The classes that a file's categories become by themselves; throws as the initialiser for categories.
  public static func classes(of index: COCOIndex, numbering: ClassNumbering, classCount: Int) throws -> ClassList {
    let numbers = try classNumbers(of: index, numbering: numbering, classCount: classCount)
    return list(Dictionary(zip(numbers, index.categories)) { first, _ in first })
  }

  private static func list(_ categories: [Int: COCOCategory]) -> ClassList {
    ClassList(
      (0...(categories.keys.max() ?? 0)).map { number in
        categories[number].map { ClassList.Entry(name: $0.name, id: $0.id) }
      })
  }

  /// Throws exit code 65 for categories that no name tells apart, as what is matched by name needs one of its own.
  private static func requireNames(of index: COCOIndex) throws {
    var known: [String: Int] = [:]
    for category in index.categories {
      if category.name.isEmpty {
        throw InputError(
          .badData,
          "\(index.path): category \(category.id): expected a \"name\", got none; a model cannot do without, scoring can: "
            + "add it"
        )
      }
      if let other = known.updateValue(category.id, forKey: category.name) {
        throw InputError(
          .badData,
          "\(index.path): categories \(other) and \(category.id): expected names of their own, got \(category.name) twice; "
            + "rename one, or join them")
      }
    }
  }

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
      guard let number = classNumber(ofCategory: annotation.categoryID) else { continue }
      if let kind = annotation.fault(in: image) {
        result.faults.append(DataFault(kind: kind, cause: "\(index.path): \(annotation.cause(in: image))"))
      } else {
        result.boxes.append(annotation.corners)
        result.classes.append(number)
      }
    }
    return result
  }
}

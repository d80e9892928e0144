import Foundation
import Tensors

/// Pictures with a mask of classes each, laid out as PASCAL VOC 2012.
public struct SegmentationDataset: Sendable {
  /// Where the parts of a data set are.
  public struct Files: Equatable, Sendable {
    /// The text file that names the pictures.
    public var list: String
    /// The folder below which a list of paths starts.
    public var root: String
    /// The folder of the pictures.
    public var images: String
    /// The folder of the masks.
    public var masks: String

    /// A data set laid out as PASCAL VOC 2012 below a root, with a list of this name.
    public init(root: String, list: String, masks: String = "SegmentationClass") {
      (self.root, self.list) = (root, "\(root)/ImageSets/Segmentation/\(list).txt")
      (images, self.masks) = ("\(root)/JPEGImages", "\(root)/\(masks)")
    }
  }

  /// Where the data set is.
  public let files: Files
  /// What messages call it: the list of the pictures.
  public var name: String { files.list }
  /// The classes, in the order of the network's numbers.
  public let classes: ClassList
  /// What becomes of picture files that state an orientation, where the mask has the size of the other.
  public let orientation: OrientationRule
  /// A picture with its mask, and whether the folder's listing has the former.
  private let pairs: [(image: String, mask: String, isListed: Bool)]
  /// The network's number of each number in a mask; nil for those that stand for no class.
  private let numbers: [UInt8?]

  /// Opens a data set whose masks have the numbers of `stored`, for a network with the classes that are expected, if any.
  ///
  /// Throws exit code 66 for a missing list or folder, 65 for a list that is empty or wrong, a missing mask, and classes that
  /// do not match. Pictures are looked for when they are read.
  public init(
    _ files: Files, stored: ClassList, expected: ExpectedClasses? = nil, orientation: OrientationRule = .auto
  ) throws {
    (self.files, self.orientation) = (files, orientation)
    let list = try SegmentationList(files.list)
    let (images, masks) = (try FileListing(files.images), try FileListing(files.masks))
    pairs = try list.entries.map { entry in
      switch entry {
      case .paths(let image, let mask): return ("\(files.root)/\(image)", "\(files.root)/\(mask)", false)
      case .name(let name):
        guard let mask = masks.path(of: name, endings: ["png"]) else {
          throw MaskError(
            "\(files.masks)/\(name).png: the mask is missing, which \(files.list) promises; take it out of the list, or say "
              + "where the masks lie with data.train.labels and data.val.labels")
        }
        let image = images.path(of: name, endings: ["jpg", "jpeg", "png"])
        return (image ?? "\(files.images)/\(name).jpg", mask, image != nil)
      }
    }
    if stored.entries.count > Int(ClassMask.void) {
      throw InputError(
        .badData, "\(files.list): \(stored.entries.count) classes, a mask has numbers for \(Int(ClassMask.void))")
    }
    let order = try expected.map { try $0.numbers(of: stored.names, in: files.list) } ?? Array(stored.entries.indices)
    classes = expected?.list ?? stored
    numbers = (0..<256).map { number in
      if number == Int(ClassMask.void) { return ClassMask.void }
      return order.indices.contains(number) ? UInt8(order[number]) : nil
    }
  }

  /// The number of pictures.
  public var count: Int { pairs.count }

  /// The file of a picture.
  public func imagePath(at index: Int) -> String { pairs[index].image }

  /// Whether there is no such file as that of a picture.
  func isImageMissing(at index: Int) -> Bool { !pairs[index].isListed && ListedName.isMissing(imagePath(at: index)) }

  /// The file of a picture's mask.
  public func maskPath(at index: Int) -> String { pairs[index].mask }

  /// The same on all machines that hold the same list and classes; names count, not the content of the files.
  public var contentHash: UInt64 {
    var hash = ContentHash()
    let text = pairs.map { "\(Self.lastPart($0.image)) \(Self.lastPart($0.mask))" } + classes.names
    Array(text.joined(separator: "\n").utf8).withUnsafeBytes { hash.update($0) }
    return hash.value
  }

  private static func lastPart(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }

  /// The mask of a picture, in the network's numbers.
  ///
  /// Throws `MaskError` where it cannot be read or has a number that stands for no class.
  func mask(at index: Int, file: inout [UInt8]) throws -> ClassMask {
    let path = maskPath(at: index)
    let mask = try MaskFile.read(path, into: &file)
    if let place = mask.classes.firstIndex(where: { numbers[Int($0)] == nil }) {
      throw MaskError(
        "\(path): pixel (\(place % mask.width), \(place / mask.width)): expected a class from 0 to "
          + "\(numbers.dropLast().lastIndex { $0 != nil } ?? 0), or 255 for void, got \(mask.classes[place]); name all classes "
          + "(data.classes) and set model.classes to their number, or mend the mask")
    }
    return mask.renumbered(numbers.map { $0 ?? ClassMask.void })
  }
}

/// What lies in a folder, to tell endings of files without asking for each.
private struct FileListing {
  private let folder: String
  private let names: Set<String>

  /// Lists a folder; throws exit code 66 when it cannot be read.
  init(_ folder: String) throws {
    self.folder = folder
    do {
      names = Set(try FileManager.default.contentsOfDirectory(atPath: folder))
    } catch {
      throw InputError(.missingFile, "\(folder): the folder cannot be read: \(systemMessage())")
    }
  }

  /// The file of a name with one of these endings, nil where there is none.
  ///
  /// A name with folders in it is looked for itself.
  func path(of name: String, endings: [String]) -> String? {
    for ending in endings {
      let file = "\(name).\(ending)"
      if names.contains(file) || name.contains("/") && FileManager.default.fileExists(atPath: "\(folder)/\(file)") {
        return "\(folder)/\(file)"
      }
    }
    return nil
  }
}

import Foundation
import Tensors

/// A list of the pictures of a split, as `ImageSets/Segmentation` of PASCAL VOC holds them.
///
/// A line is the name of a picture without folder and ending, or, as other programs write them, the paths of a picture and of
/// its mask below the data set's folder. Lines without text are passed over.
struct SegmentationList {
  /// A picture with its mask, as listed.
  enum Entry: Equatable {
    /// A name in the folders of pictures and masks.
    case name(String)
    /// Two paths below the data set's folder.
    case paths(image: String, mask: String)
  }

  /// The pictures in the order of the file, each once.
  let entries: [Entry]

  /// Reads a list; throws exit code 66 for a missing file, 65 for one that is no such list, is empty or names a picture twice.
  init(_ path: String) throws {
    var entries: [Entry] = []
    var known: [String: String] = [:]
    for (place, line) in try textLines(of: path) {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      let first = words[0]
      if let earlier = known.updateValue(place, forKey: first) {
        throw InputError(.badData, "\(place): \(first) stands at \(earlier) too; name each image once")
      }
      switch words.count {
      case 1: entries.append(.name(try Self.checked(first, place)))
      case 2 where ["1", "-1", "0"].contains(words[1]):
        throw InputError(
          .badData,
          "\(place): expected the name of an image, got \(first) \(words[1]), as in the lists of one class in ImageSets/Main; "
            + "take one of ImageSets/Segmentation")
      case 2: entries.append(.paths(image: try Self.checked(first, place), mask: try Self.checked(words[1], place)))
      default:
        throw InputError(
          .badData,
          "\(place): expected the name of an image, or the paths of an image and its mask, got \(words.count) words")
      }
    }
    if entries.isEmpty {
      throw InputError(.badData, "\(path): expected names of images, got none; is it the right file?")
    }
    self.entries = entries
  }

  /// The text, unless it is no name of a file below a folder.
  private static func checked(_ text: String, _ place: String) throws -> String {
    let parts = text.split(separator: "/")
    if parts.isEmpty || parts.contains("..") || text.utf8.contains(0) {
      throw InputError(.badData, "\(place): expected the name of an image in the data set's folders, got \(text)")
    }
    return parts.joined(separator: "/")
  }
}

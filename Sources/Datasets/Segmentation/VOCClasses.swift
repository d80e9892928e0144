import Foundation
import Tensors

/// The classes of PASCAL VOC.
public enum VOCClasses {
  /// Background and the 20 classes, in the order of the masks' numbers.
  public static let list = ClassList(names: [
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
  ])
}

extension ClassList {
  /// The classes that a text file names, one a line in the order of their numbers, with or without the number before.
  ///
  /// Throws exit code 66 when it cannot be opened, 65 where a number is not the one that comes next, or a name stands twice.
  public init(file path: String) throws {
    var names: [String] = []
    for (place, line) in try textLines(of: path) {
      var text = line.trimmingCharacters(in: .whitespaces)
      let words = text.split(maxSplits: 1, whereSeparator: { $0.isWhitespace || $0 == ":" || $0 == "," })
      if words.count == 2, let number = Int(words[0]) {
        if number == Int(ClassMask.void) { continue }
        if number != names.count {
          throw InputError(
            .badData, "\(place): expected class \(names.count) next, got \(number); name all classes in their order")
        }
        text = words[1].trimmingCharacters(in: .whitespaces)
      }
      if names.contains(text) {
        throw InputError(.badData, "\(place): class \(text) is named twice; give each its own")
      }
      names.append(text)
    }
    if names.isEmpty { throw InputError(.badData, "\(path): expected names of classes, one a line, got none") }
    self.init(names: names)
  }
}

import CSimdJSON
import Tensors

extension COCOIndex {
  /// Throws exit code 65, naming the image and the key, where the name or the size of a picture is missing, which scoring does
  /// without and a model does not, and for a name that the system would cut at a zero character.
  func requireImageDescriptions() throws {
    for position in 0..<imageCount {
      let image = image(at: position)
      if image.fileName.utf8.contains(0) {
        throw InputError(
          .badData,
          "\(path): image \(image.id): \"file_name\": expected the name of a file, got one with a zero character, "
            + "\"\(image.fileName)\"; mend the annotations")
      }
      let key: String
      if image.fileName.isEmpty {
        key = "a \"file_name\""
      } else if image.width == 0 || image.height == 0 {
        key = "a \"\(image.width == 0 ? "width" : "height")\" of 1 to \(CSJMaximumExtent) pixels"
      } else {
        continue
      }
      throw InputError(
        .badData,
        "\(path): image \(image.id): expected \(key), got none; a model cannot do without, scoring can: add it")
    }
  }

  /// What is odd about the ids of the annotations, a sentence for each kind; none where they are as they should be.
  ///
  /// The figures of pycocotools depend on them, though nothing refers to them.
  public var annotationIDRemarks: [String] {
    var (zeros, repeated) = (IDFault(), IDFault())
    var seen: Set<Int> = []
    seen.reserveCapacity(annotationCount)
    for position in 0..<imageCount {
      for annotation in annotations(at: position) {
        if annotation.id == 0 { zeros.add(0, image: position) }
        if !seen.insert(annotation.id).inserted { repeated.add(annotation.id, image: position) }
      }
    }
    var remarks: [String] = []
    if let image = zeros.image {
      remarks.append(
        "annotation id 0 of image \(imageID(at: image)): pycocotools never counts this object as found, and so "
          + "do the figures; number annotations from 1")
    }
    if let image = repeated.image {
      remarks.append(
        "\(repeated.count) of \(annotationCount) annotations have an id that another has, such as "
          + "\(repeated.id) in image \(imageID(at: image)): each counts here, pycocotools counts the last of an id for all "
          + "of them; number annotations from 1")
    }
    return remarks
  }
}

/// How many annotations have a fault of their id, and the first of them.
private struct IDFault {
  private(set) var count = 0
  private(set) var id = 0
  /// The position of the first one's image.
  private(set) var image: Int?

  mutating func add(_ id: Int, image: Int) {
    if count == 0 { (self.id, self.image) = (id, image) }
    count += 1
  }
}

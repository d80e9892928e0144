import Datasets

/// A training sample as people see it.
struct ShownSample {
  /// What messages call the image: its file.
  let imageName: String
  /// What became of the stored image.
  let sizes: String
  /// What the losses want of it, in numbers.
  let contents: String
  /// The network's picture with that drawn on it.
  var drawing: RGBImage
}

extension Placement {
  /// What becomes of a stored picture, in words.
  var text: String {
    var parts = ["\(sourceWidth)x\(sourceHeight)"]
    if isFlipped { parts.append("flipped") }
    parts.append("scaled to \(resizedWidth)x\(resizedHeight)")
    if resizedWidth > canvasWidth || resizedHeight > canvasHeight { parts.append("cut out at (\(cropX), \(cropY))") }
    if visibleWidth < canvasWidth || visibleHeight < canvasHeight {
      parts.append("padded from \(visibleWidth)x\(visibleHeight)")
    }
    return parts.joined(separator: ", ") + " -> \(canvasWidth)x\(canvasHeight)"
  }
}

extension ClassList {
  /// How often each of these numbers comes up, by name, in the order of the numbers.
  func counts(of numbers: [Int]) -> String {
    Dictionary(grouping: numbers) { $0 }.sorted { $0.key < $1.key }
      .map { number, all in "\(name(number)) \(all.count)" }.joined(separator: ", ")
  }
}

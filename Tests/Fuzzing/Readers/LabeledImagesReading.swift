import Datasets
import Tensors

private let images = InputFile()
private let labels = InputFile()

/// Reads the input as files of small labelled pictures, plain or compressed: the first byte says how.
///
/// `C`: the rest is a CIFAR file. `R`: a number of CIFAR records and a length beyond them, then bytes to repeat in them.
/// Anything else: the number of bytes of an IDX file of pictures; the file of their classes follows.
func readLabeledImages(_ bytes: UnsafeRawBufferPointer) {
  guard let first = bytes.first else { return }
  let rest = Array(bytes.dropFirst())
  expectingUserErrors([.badData]) {
    switch first {
    case UInt8(ascii: "C"): check(try cifar(rest))
    case UInt8(ascii: "R"):
      guard rest.count > 2 else { return }
      let count = Int(rest[0] % 4) * 3073 + Int(rest[1] % 3)
      check(try cifar((0..<count).map { rest[2 + $0 % (rest.count - 2)] }))
    default:
      let split = min(Int(first), rest.count)
      rest[..<split].withUnsafeBytes { images.replace($0) }
      rest[split...].withUnsafeBytes { labels.replace($0) }
      check(try IDXFile.read(images: images.path, labels: labels.path, classCount: 10))
    }
  }
}

private func cifar(_ bytes: [UInt8]) throws -> LabeledImages {
  bytes.withUnsafeBytes { images.replace($0) }
  return try CIFARFile.read([images.path, images.path])
}

/// As many pictures as classes, each within its range.
private func check(_ set: LabeledImages) {
  require(set.pixels.count == set.count * set.imageBytes, "\(set.pixels.count) bytes for \(set.count) pictures")
  require(set.labels.allSatisfy { $0 < 10 }, "a class that is none")
  for index in 0..<set.count { require(set.image(at: index).count == set.imageBytes, "a picture of another size") }
}

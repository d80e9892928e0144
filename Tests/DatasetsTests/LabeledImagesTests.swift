import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Files in miniature, byte by byte after the formats' pages.
struct LabeledImagesTests {
  private static let images: [UInt8] = [
    0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
  ]
  private static let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 0]
  /// Three records: the class, then planes that start with the record's number and count up.
  private static let records: [UInt8] = {
    var bytes: [UInt8] = []
    for record in 0..<3 {
      bytes.append(UInt8(9 - record))
      for place in 0..<3072 { bytes.append(UInt8((place + record) % 251)) }
    }
    return bytes
  }()

  private func path(_ bytes: [UInt8], _ name: String, in folder: TemporaryDirectory) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
    return folder.file(name)
  }

  private func message(_ body: () throws -> Void) -> String {
    let error = thrown(InputError.self) { try body() }
    #expect(error?.exitCode == .badData, "\(String(describing: error))")
    return error?.description ?? ""
  }

  @Test("IDX files give their pictures and classes, plain and compressed")
  func idx() throws {
    let folder = try TemporaryDirectory("idx")
    let images = try path(Self.images, "images", in: folder)
    let labels = try path(Self.labels, "labels", in: folder)
    let read = try IDXFile.read(images: images, labels: labels, classCount: 10)
    #expect(read == LabeledImages(channels: 1, height: 2, width: 3, pixels: Array(1...12), labels: [7, 0]))
    #expect(Array(read.image(at: 1)) == Array(7...12))
    let zipped = try run(["gzip", images, labels])
    #expect(zipped.exitCode == 0, "\(zipped)")
    #expect(try IDXFile.read(images: images + ".gz", labels: labels + ".gz", classCount: 10) == read)
  }

  @Test("each damage of an IDX file is one message with the file, what was expected and what was found")
  func damagedIDX() throws {
    let folder = try TemporaryDirectory("idx")
    let (images, labels) = (try path(Self.images, "images", in: folder), try path(Self.labels, "labels", in: folder))
    func read(images: String, labels: String) throws {
      _ = try IDXFile.read(images: images, labels: labels, classCount: 10)
    }
    let swapped = message { try read(images: labels, labels: images) }
    #expect(swapped.hasPrefix("\(labels): first bytes: expected 00 00 08 03"), "\(swapped)")
    #expect(swapped.contains("got 00 00 08 01 in 10 bytes"), "\(swapped)")
    for count in [0, 3, 15, Self.images.count - 1] {
      let short = try path(Array(Self.images.prefix(count)), "short", in: folder)
      #expect(message { try read(images: short, labels: labels) }.hasPrefix("\(short): "))
    }
    let long = try path(Self.images + [0], "long", in: folder)
    #expect(
      message { try read(images: long, labels: labels) }.contains("2 x 2 x 3, so expected 12 bytes behind it, got 13"))
    let huge = try path([0, 0, 8, 3] + [UInt8](repeating: 255, count: 12), "huge", in: folder)
    #expect(message { try read(images: huge, labels: labels) }.contains("got 0"))
    let one = try path([0, 0, 8, 1, 0, 0, 0, 1, 7], "one", in: folder)
    #expect(
      message { try read(images: images, labels: one) }.contains(
        "expected 2, one for each picture of \(images), got 1; give")
    )
    let outside = try path([0, 0, 8, 1, 0, 0, 0, 2, 7, 10], "outside", in: folder)
    #expect(
      message { try read(images: images, labels: outside) }.contains("class of picture 1: expected 0 to 9, got 10"))
    // A compressed file that is cut off, and one with a changed byte.
    _ = try run(["gzip", "-k", images])
    let zipped = [UInt8](try Data(contentsOf: URL(fileURLWithPath: images + ".gz")))
    let cut = try path(Array(zipped.dropLast(6)), "cut.gz", in: folder)
    #expect(message { try read(images: cut, labels: labels) }.hasPrefix("\(cut): is "))
    var changed = zipped
    changed[zipped.count - 7] ^= 1
    let wrong = try path(changed, "wrong.gz", in: folder)
    #expect(message { try read(images: wrong, labels: labels) }.hasPrefix("\(wrong): is damaged"))
    let missing = thrown(InputError.self) { try read(images: folder.file("none"), labels: labels) }
    #expect(missing?.exitCode == .missingFile)
  }

  @Test("files compressed by xz are read too, two streams in a row, and one that is cut off or changed is error 65")
  func xz() throws {
    // `xz` of the file of pictures above.
    let zipped = [UInt8](
      try #require(
        Data(
          base64Encoded:
            "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AAbABldAABgHobL1ZFskmu9NwNWXPi5zB1GzbwkWQAAAAAA4tbaDy0d808AATUc"
            + "0iu2lh+2830BAAAAAARZWg==")))
    let folder = try TemporaryDirectory("xz")
    let labels = try path(Self.labels, "labels", in: folder)
    let images = try path(zipped, "images.xz", in: folder)
    func read(_ path: String, _ count: Int) throws -> [UInt8] { try CompressedFile(path).read(count) }
    #expect(try read(images, 28) == Self.images && read(images, 29) == Self.images)
    #expect(try IDXFile.read(images: images, labels: labels, classCount: 10).pixels == Array(1...12))
    #expect(try read(path(zipped + zipped, "two", in: folder), 100) == Self.images + Self.images)
    #expect(try read(images, 27) == Self.images.dropLast())
    for length in [6, 20, 60, zipped.count - 1] {
      let cut = try path(Array(zipped.prefix(length)), "cut", in: folder)
      #expect(
        message { _ = try read(cut, 100) } == "\(cut): is cut off or damaged: the end is missing; fetch the file again")
    }
    for place in [8, 40, 80] {
      var changed = zipped
      changed[place] ^= 1
      let wrong = try path(changed, "wrong", in: folder)
      #expect(message { _ = try read(wrong, 100) }.contains("is cut off or damaged: liblzma"))
    }
  }

  @Test("CIFAR files give their records in order, one file after the other")
  func cifar() throws {
    let folder = try TemporaryDirectory("cifar")
    let first = try path(Self.records, "a.bin", in: folder)
    let second = try path(Array(Self.records.prefix(3073)), "b.bin", in: folder)
    let read = try CIFARFile.read([first, second])
    #expect((read.channels, read.height, read.width) == (3, 32, 32))
    #expect(read.labels == [9, 8, 7, 9])
    for record in 0..<3 {
      #expect(Array(read.image(at: record)) == Array(Self.records[record * 3073 + 1..<(record + 1) * 3073]))
    }
    #expect(read.image(at: 3).elementsEqual(read.image(at: 0)))
  }

  @Test("a CIFAR file of the wrong length or with a class out of range is one message")
  func damagedCIFAR() throws {
    let folder = try TemporaryDirectory("cifar")
    for bytes in [[], Array(Self.records.dropLast())] {
      let short = try path(bytes, "short.bin", in: folder)
      #expect(
        message { _ = try CIFARFile.read([short]) }.hasPrefix(
          "\(short): length: expected a whole number of CIFAR-10 records of 3073 bytes, got \(bytes.count) bytes"))
    }
    var records = Self.records
    records[3073] = 10
    let wrong = try path(records, "wrong.bin", in: folder)
    #expect(
      message { _ = try CIFARFile.read([wrong]) }
        == "\(wrong): class of record 1: expected 0 to 9, got 10; fetch the binary version of the data set again")
  }

  @Test("the real MNIST and CIFAR-10 have their known sizes and first classes", .enabled(if: Locations.shared != nil))
  func real() throws {
    // Oracle: the data sets' pages, and the first classes as any other reader shows them.
    let data = try #require(Locations.shared) + "/data"
    let mnist = try IDXFile.read(
      images: "\(data)/mnist/t10k-images-idx3-ubyte.gz", labels: "\(data)/mnist/t10k-labels-idx1-ubyte.gz",
      classCount: 10)
    #expect((mnist.count, mnist.height, mnist.width) == (10_000, 28, 28))
    #expect(Array(mnist.labels.prefix(5)) == [7, 2, 1, 0, 4])
    let cifar = try CIFARFile.read(["\(data)/cifar10/data_batch_1.bin.xz"])
    #expect(cifar.count == 10_000)
    #expect(Array(cifar.labels.prefix(5)) == [6, 9, 9, 4, 1])
  }
}

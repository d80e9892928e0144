import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Small compressed files that stand for much more than a reader should take.
@Suite struct EndlessFileTests {
  private let folder: TemporaryDirectory
  private let labels: String

  init() throws {
    folder = try TemporaryDirectory("endless")
    labels = try folder.write([0, 0, 8, 1, 0, 0, 0, 2, 7, 0], to: "labels")
  }

  /// A compressed file of some bytes and then 64 MiB of zeros.
  private func endless(_ start: [UInt8], _ tool: String) throws -> String {
    let path = try folder.write(start, to: "content")
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.truncate(atOffset: UInt64(start.count + 64 << 20))
    try handle.close()
    let result = try run([tool, "-1", "-f", path])
    #expect(result.exitCode == 0, "\(result)")
    return "\(path).\(tool == "xz" ? "xz" : "gz")"
  }

  private func message(_ body: () throws -> Void) -> String {
    let error = thrown(InputError.self) { try body() }
    #expect(error?.exitCode == .badData)
    return error?.description ?? ""
  }

  private static let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]

  @Test("an IDX file is inflated as far as its header says and a byte further", arguments: ["gzip", "xz"])
  func idx(_ tool: String) throws {
    let images = try endless(Self.header, tool)
    #expect(
      message { _ = try IDXFile.read(images: images, labels: labels, classCount: 10) }
        == "\(images): length: its header says 2 x 2 x 3, so expected 12 bytes behind it, got more; fetch the file again"
    )
    // What is not asked for is not inflated: the stream's damage behind it is never met.
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: images)))
    for place in bytes.count / 2..<bytes.count { bytes[place] = 0xff }
    let damaged = try folder.write(bytes, to: "damaged")
    #expect(message { _ = try IDXFile.read(images: damaged, labels: labels, classCount: 10) }.contains("got more"))
  }

  @Test("a header that promises more than its file can hold is refused before anything is inflated")
  func promise() throws {
    let start: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0x80, 0, 0, 0, 0x40, 0]
    let images = try folder.write(start, to: "promise")
    _ = try run(["gzip", images])
    let size = try Data(contentsOf: URL(fileURLWithPath: images + ".gz")).count
    #expect(
      message { _ = try IDXFile.read(images: images + ".gz", labels: labels, classCount: 10) }.hasSuffix(
        "its header says 2 x 32768 x 16384, so expected 1073741824 bytes behind it, which \(size) bytes of gzip cannot hold; "
          + "fetch the file again"
      ))
    let more = try folder.write(Self.header.dropLast(8) + [0, 1, 0, 0, 0, 1, 0, 0], to: "more")
    _ = try run(["xz", more])
    #expect(
      message { _ = try IDXFile.read(images: more + ".xz", labels: labels, classCount: 10) }.hasSuffix(
        "so expected 8589934592 bytes behind it, of which at most 2147483648 are read; give fewer images"))
    // The labels' header is read before the pictures are inflated.
    let three = try folder.write([0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 1], to: "three")
    let gigabytes = try folder.write(start, to: "gigabytes")
    _ = try run(["xz", gigabytes])
    #expect(
      message { _ = try IDXFile.read(images: gigabytes + ".xz", labels: three, classCount: 10) }.hasPrefix(
        "\(three): number of classes: expected 2"))
  }

  @Test("a compressed CIFAR file is read up to a wrong class, and up to 65,536 records", arguments: ["gzip", "xz"])
  func cifar(_ tool: String) throws {
    let wrong = try endless([UInt8](repeating: 0, count: 3073) + [77], tool)
    #expect(message { _ = try CIFARFile.read([wrong]) }.contains("class of record 1: expected 0 to 9, got 77"))
    let short = try endless([3], tool)
    let bytes = 1 + 64 << 20
    #expect(message { _ = try CIFARFile.read([short]) }.contains("of 3073 bytes, got \(bytes) bytes"))
    // Four times as many zeros: streams follow one another.
    let once = [UInt8](try Data(contentsOf: URL(fileURLWithPath: short)))
    let endless = try folder.write(once + once + once + once, to: "records")
    #expect(
      message { _ = try CIFARFile.read([endless]) }
        == "\(endless): length: expected at most 65536 records of 3073 bytes, got more; unpack the file, or split it")
  }

  @Test("an xz file that asks for a dictionary beyond 64 MiB is refused before it is allocated")
  func dictionary() throws {
    let content = try folder.write(Self.header, to: "dictionary")
    // With several threads, as xz 5.6 and later have, the header would also hold sizes.
    #expect(try run(["xz", "--threads=1", content]).exitCode == 0)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: content + ".xz")))
    // The block's header: its size in words less one, flags, the filter, the size of its properties, the dictionary.
    let header = 12..<12 + Int(bytes[12]) * 4
    #expect(bytes[header.lowerBound + 2] == 0x21 && bytes[header.lowerBound + 3] == 1)
    bytes[header.lowerBound + 4] = 40
    let check = crc32(bytes[header])
    for byte in 0..<4 { bytes[header.upperBound + byte] = UInt8(truncatingIfNeeded: check >> UInt32(8 * byte)) }
    let forged = try folder.write(bytes, to: "forged.xz")
    let text = message { _ = try IDXFile.read(images: forged, labels: labels, classCount: 10) }
    #expect(text.hasPrefix("\(forged): expected a dictionary of at most 64 MiB, got one that takes 409"), "\(text)")
  }

  /// The checksum of gzip and xz, bit by bit after its definition (ISO 3309).
  private func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xedb8_8320 : 0) }
    }
  }
}

import Foundation
import Testing

@testable import Datasets

/// What keeps a large annotation file cheap: it is read once, and its records are the kernel's pages.
@Suite struct COCOIndexOpeningTests {
  @Test("a later opening does not read the annotation file, it believes the remembered fingerprint")
  func laterOpening() throws {
    try Fixtures.withTemporaryDirectory { directory in
      let (first, second) = (directory + "/first.json", directory + "/second.json")
      try writeFile(annotations(images: 3, category: "first"), to: first)
      try writeFile(annotations(images: 3, category: "other"), to: second)
      // Younger files are not remembered, since a second change could leave the same time stamps.
      usleep(2_100_000)
      func category(of path: String) throws -> String {
        try COCOIndex.open(annotations: path, cache: directory).categories[0].name
      }
      #expect(try category(of: first) == "first" && category(of: second) == "other")
      // With the other file's fingerprint in its memory a file that is read would still be "first".
      let (own, other) = (try Memory(of: first, in: directory), try Memory(of: second, in: directory))
      let believed = HashMemory.line(of: own.state, other.hash)
      try writeFile(believed, to: own.path)
      #expect(try category(of: first) == "other")
      // A memory that is not as it was written is none.
      let damages: [[UInt8]] = [
        [], Array("\(own.state) \(String(other.hash, radix: 16))".utf8), believed.dropLast(), believed + [10],
        Array(String(decoding: believed, as: UTF8.self).replacing(String(other.hash, radix: 16), with: "1").utf8),
        HashMemory.line(of: other.state, other.hash), [UInt8](repeating: 0x20, count: 4096),
      ]
      for damaged in damages {
        try writeFile(damaged, to: own.path)
        #expect(try category(of: first) == "first", "\(damaged)")
      }
      // A file that took its place is read.
      try writeFile(annotations(images: 3, category: "first"), to: first)
      #expect(try category(of: first) == "first")
    }
  }

  @Test("every record is a page of the index file, shared by all processes and never written")
  func sharedPages() throws {
    try Fixtures.withTemporaryDirectory { directory in
      let (path, images) = (directory + "/instances.json", 20_000)
      try writeFile(annotations(images: images, category: "thing"), to: path)
      let index = try COCOIndex.open(annotations: path, cache: directory)
      #expect((0..<images).reduce(0) { $0 + index.annotations(at: $1).count + index.image(at: $1).id } > images)
      let found = try withExtendedLifetime(index) { try Mapping(ofFileIn: directory, suffix: ".index") }
      let mapping = try #require(found)
      #expect(mapping.permissions == "r--s")
      // 20,000 images of 40 bytes with names and annotations of 72 bytes.
      #expect(mapping.kilobytes["Rss"] ?? 0 > 2000)
      #expect(mapping.kilobytes["Anonymous"] == 0)
    }
  }
}

/// One mapped file as `/proc/self/smaps` lists it.
private struct Mapping {
  var permissions: String
  /// The figures by name.
  var kilobytes: [String: Int] = [:]

  init?(ofFileIn directory: String, suffix: String) throws {
    // The file has no size of its own; it is read until it ends.
    let content = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/smaps")).readToEnd() ?? Data()
    let lines = String(decoding: content, as: UTF8.self).split(separator: "\n")
    let folder = "/\(URL(fileURLWithPath: directory).lastPathComponent)/"
    guard let start = lines.firstIndex(where: { $0.contains(folder) && $0.hasSuffix(suffix) }) else { return nil }
    permissions = String(lines[start].split(separator: " ")[1])
    for line in lines[(start + 1)...] {
      let words = line.split(separator: " ")
      guard words.count == 3, words[2] == "kB", let value = Int(words[1]) else { break }
      kilobytes[String(words[0].dropLast())] = value
    }
  }
}

private func annotations(images: Int, category: String) -> [UInt8] {
  let records = (1...images).map { #"{"id": \#($0), "file_name": "\#($0).jpg", "width": 64, "height": 48}"# }
  let objects = (1...images).map { #"{"id": \#($0), "image_id": \#($0), "category_id": 1, "bbox": [1, 2, 3, 4]}"# }
  let categories = #"[{"id": 1, "name": "\#(category)"}]"#
  return Array(
    """
    {"images": [\(records.joined(separator: ","))], "annotations": [\(objects.joined(separator: ","))],
     "categories": \(categories)}
    """.utf8)
}

/// What the cache remembers of a file.
private struct Memory {
  var path: String
  var state: String
  var hash: UInt64

  init(of file: String, in cache: String) throws {
    let descriptor = try openForReading(file)
    defer { close(descriptor) }
    let status = try fileStatus(descriptor, file)
    path = "\(cache)/hash-\(status.device)-\(status.inode)"
    // The state, the hash and the fingerprint of both.
    let words = try String(contentsOfFile: path, encoding: .utf8).split(separator: " ")
    state = words.dropLast(2).joined(separator: " ")
    hash = UInt64(words[words.count - 2], radix: 16) ?? 0
  }
}

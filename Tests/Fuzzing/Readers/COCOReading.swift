import Glibc
import Tensors

@testable import Datasets

private let file = InputFile()
/// Holds the index of the input; on a file system in memory where there is one.
private let cache = "/dev/shm/dropblock-fuzzing-\(getpid())"

/// Reads the input as an annotation file, or puts it over a sound index and reads that.
///
/// The second for an input that starts with `I`, or with `J` for an index whose fingerprint is right again: two bytes of
/// place follow, then the new bytes.
func readCOCO(_ bytes: UnsafeRawBufferPointer) {
  expectingUserErrors([.badData]) {
    if bytes.first == UInt8(ascii: "I") || bytes.first == UInt8(ascii: "J") {
      try readDamagedIndex(bytes.dropFirst(), isForged: bytes.first == UInt8(ascii: "J"))
    } else {
      file.replace(bytes)
      _ = mkdir(cache, 0o700)
      defer { emptyCache() }
      let index = try COCOIndex.open(annotations: file.path, cache: cache)
      readAll(index)
      try readAsDataset(index)
    }
  }
}

private func readAll(_ index: COCOIndex) {
  var annotations = 0
  for position in 0..<index.imageCount {
    let image = index.image(at: position)
    require(index.imageID(at: position) == image.id, "image \(position) has two ids")
    let objects = index.annotations(at: position)
    annotations += objects.count
    for object in objects {
      let numbers = [object.x, object.y, object.width, object.height, object.area]
      require(numbers.allSatisfy(\.isFinite), "a number that is not finite: \(numbers)")
    }
  }
  require(annotations == index.annotationCount, "\(annotations) annotations of \(index.annotationCount)")
  require(index.annotationIDRemarks.allSatisfy { $0.hasPrefix(index.path) }, "a remark without its file")
}

private func readAsDataset(_ index: COCOIndex) throws {
  for numbering in [ClassNumbering.byOrder, .byIdentifier(first: 1)] {
    expectingUserErrors([.badData]) {
      let dataset = try DetectionDataset(index: index, imageDirectory: cache, numbering: numbering, classCount: 90)
      for position in 0..<index.imageCount {
        let objects = dataset.objects(at: position)
        require(objects.boxes.count == objects.classes.count, "boxes without classes")
        require(objects.boxes.allSatisfy { box in (0..<4).allSatisfy { box[$0].isFinite } }, "corners not finite")
      }
      let census = DataCensus(dataset, .train, .headers)
      require(!census.text.isEmpty && !census.summary.isEmpty, "a census without words")
      expectingUserErrors([.badData]) { try census.requireLearnable(maximumFaults: 0) }
      try census.requireEvaluable()
    }
  }
}

private let sound = Array(
  """
  {"images": [{"id": 2, "file_name": "b.jpg", "width": 4, "height": 5}, {"id": 1, "file_name": "a.jpg", "width": 2,
  "height": 3}], "categories": [{"id": 7, "name": "seven"}], "annotations": [{"id": 5, "image_id": 2, "category_id": 7,
  "bbox": [0, 1, 2, 3]}, {"id": 6, "image_id": 1, "category_id": 7, "bbox": [0, 1, 2, 2], "iscrowd": 1}]}
  """.utf8)

/// Opens an index whose bytes were changed: it must be built again, or hold only what lies inside it.
private func readDamagedIndex(_ change: Slice<UnsafeRawBufferPointer>, isForged: Bool) throws {
  sound.withUnsafeBytes { file.replace($0) }
  _ = mkdir(cache, 0o700)
  defer { emptyCache() }
  _ = try COCOIndex.open(annotations: file.path, cache: cache)
  guard let name = entries().first(where: { $0.hasSuffix(".index") }) else { fatalError("no index was built") }
  let descriptor = open("\(cache)/\(name)", O_RDWR)
  defer { close(descriptor) }
  var content = [UInt8](repeating: 0, count: 4096)
  let length = pread(descriptor, &content, content.count, 0)
  require(length > 0 && length < 4096, "an index of \(length) bytes")
  if change.count > 2 {
    let start = Int(change[change.startIndex]) + 256 * Int(change[change.startIndex + 1])
    for (offset, byte) in change.dropFirst(2).enumerated() { content[(start + offset) % length] = byte }
  }
  if isForged {
    let hash = content.withUnsafeBytes { COCOIndexSections.indexHash(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
    content.withUnsafeMutableBytes { $0.storeBytes(of: hash, toByteOffset: 8, as: UInt64.self) }
  }
  require(pwrite(descriptor, content, length, 0) == length, "cannot write the index")
  readAll(try COCOIndex.open(annotations: file.path, cache: cache))
}

private func entries() -> [String] {
  guard let directory = opendir(cache) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if !name.hasPrefix(".") { names.append(name) }
  }
  return names
}

private func emptyCache() {
  for name in entries() { unlink("\(cache)/\(name)") }
  rmdir(cache)
}

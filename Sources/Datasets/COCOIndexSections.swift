import CSimdJSON

/// The records of an index file in memory, after every number in it was checked.
///
/// Anyone who may write the cache may have written the file, with the right hash: what is read later must lie inside it.
struct COCOIndexSections {
  let images: UnsafeBufferPointer<CSJImage>
  let annotations: UnsafeBufferPointer<CSJAnnotation>
  let categories: UnsafeBufferPointer<CSJCategory>
  let text: UnsafeRawBufferPointer

  /// The sections of `bytes`, which the caller keeps mapped; nil when anything is not as the index's writer leaves it.
  init?(_ bytes: UnsafeRawBufferPointer, contentHash: UInt64, contentSize: Int) {
    guard bytes.count >= MemoryLayout<CSJHeader>.size else { return nil }
    let header = bytes.load(as: CSJHeader.self)
    guard header.magic == CSJIndexMagic, header.version == CSJIndexVersion, header.content_hash == contentHash,
      header.content_size == UInt64(contentSize), header.file_size == UInt64(bytes.count)
    else { return nil }
    var end = MemoryLayout<CSJHeader>.size
    guard let images = Self.next(header.image_offset, header.image_count, of: CSJImage.self, in: bytes, &end),
      let annotations = Self.next(
        header.annotation_offset, header.annotation_count, of: CSJAnnotation.self, in: bytes, &end),
      let categories = Self.next(header.category_offset, header.category_count, of: CSJCategory.self, in: bytes, &end),
      let text = Self.next(header.text_offset, header.text_size, of: UInt8.self, in: bytes, &end), end == bytes.count
    else { return nil }
    (self.images, self.annotations, self.categories) = (images, annotations, categories)
    self.text = UnsafeRawBufferPointer(text)
    guard header.index_hash == Self.indexHash(bytes), areImagesSound, areCategoriesSound, areAnnotationsSound else {
      return nil
    }
  }

  /// The next section, which starts where the one before it ends and lies inside the file; `end` moves behind it.
  private static func next<Record>(
    _ offset: UInt64, _ count: UInt64, of type: Record.Type, in bytes: UnsafeRawBufferPointer, _ end: inout Int
  ) -> UnsafeBufferPointer<Record>? {
    let stride = MemoryLayout<Record>.stride
    // All sizes are multiples of 8 but the last section's, so every start is one.
    guard offset == UInt64(end), count <= UInt64((bytes.count - end) / stride) else { return nil }
    let start = bytes.baseAddress.map { ($0 + end).assumingMemoryBound(to: type) }
    end += Int(count) * stride
    return UnsafeBufferPointer(start: start, count: Int(count))
  }

  /// Ascending ids, names inside the text, sizes that a picture can have, and each annotation with one picture.
  private var areImagesSound: Bool {
    var (first, previous): (UInt64, Int64?) = (0, nil)
    for image in images {
      if let previous, image.id <= previous { return false }
      previous = image.id
      let extents = 0...Int32(CSJMaximumExtent)
      guard isInText(image.name_offset, UInt64(image.name_length)), extents.contains(image.width),
        extents.contains(image.height), image.first_annotation == first
      else { return false }
      first += UInt64(image.annotation_count)
    }
    return first == UInt64(annotations.count)
  }

  /// Ascending ids, and names inside the text.
  private var areCategoriesSound: Bool {
    var previous: Int64?
    for category in categories {
      if let previous, category.id <= previous { return false }
      previous = category.id
      if !isInText(category.name_offset, category.name_length) { return false }
    }
    return true
  }

  /// Known categories, and only numbers that the reader of annotations takes.
  private var areAnnotationsSound: Bool {
    let known = Set(categories.map(\.id))
    return annotations.allSatisfy { record in
      known.contains(record.category_id) && record.area.isFinite
        && [record.x, record.y, record.width, record.height].allSatisfy { abs($0) <= CSJMaximumCoordinate }
    }
  }

  private func isInText(_ offset: UInt64, _ length: UInt64) -> Bool {
    offset <= UInt64(text.count) && length <= UInt64(text.count) - offset
  }

  /// The fingerprint of everything behind the field for it.
  static func indexHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = ContentHash()
    hash.update(UnsafeRawBufferPointer(rebasing: bytes[indexHashEnd...]))
    return hash.value
  }

  /// Where what the fingerprint covers starts.
  static let indexHashEnd = 2 * MemoryLayout<UInt64>.size
}

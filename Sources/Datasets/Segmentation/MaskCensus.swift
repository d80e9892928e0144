import Tensors

/// The masks of a segmentation's data: what those that were looked into hold.
public struct MaskCensus: Codable, Equatable, Sendable {
  /// Masks that were looked into, evenly over the data set.
  public internal(set) var sampled = 0
  /// Masks that cannot be used: of another size than their image, with a number that stands for no class, or unreadable.
  public internal(set) var unusable = DataCensus.Tally()
  /// Masks whose pixels are all void.
  public internal(set) var allVoid = DataCensus.Tally()
  /// Pixels of the masks that could be used.
  public internal(set) var pixels = 0
  /// How many of them are void.
  public internal(set) var voidPixels = 0

  enum CodingKeys: String, CodingKey {
    case sampled, unusable, pixels
    case allVoid = "all_void"
    case voidPixels = "void_pixels"
  }

  /// The share of void pixels from which on it is a warning: in PASCAL VOC they are a twentieth.
  static let suspiciousVoidShare = 0.5

  /// Adds a mask and returns which of so many classes it shows.
  mutating func add(_ mask: ClassMask, of path: String, classCount: Int) -> [Bool] {
    var counts = [Int](repeating: 0, count: 256)
    for number in mask.classes { counts[Int(number)] += 1 }
    pixels += mask.classes.count
    let void = counts[Int(ClassMask.void)]
    voidPixels += void
    if void == mask.classes.count { allVoid.add(path) }
    return counts.prefix(classCount).map { $0 > 0 }
  }

  /// What a line says of them.
  var text: String {
    let share = pixels == 0 ? 0 : Double(voidPixels) / Double(pixels)
    let void = "\(Double((share * 1000).rounded()) / 10) % of the pixels void"
    return "\(sampled) looked into, \(void)" + (allVoid.count == 0 ? "" : ", \(allVoid.count) with nothing else")
  }

  /// What looks wrong, with the likely cause.
  var warnings: [String] {
    if Double(voidPixels) > Self.suspiciousVoidShare * Double(pixels) {
      return [
        "more than half of the pixels in the masks are 255, which is void and does not count: are they masks of black and white, "
          + "where numbers of classes are expected?"
      ]
    }
    return allVoid.count > 0 ? ["\(allVoid.count) masks are void throughout (first: \(allVoid.first ?? ""))"] : []
  }
}

extension DataCensus {
  /// Looks at a segmentation's data; the counts of classes are of the masks that were looked into.
  public init(_ dataset: SegmentationDataset, _ split: DataSplit, _ depth: Depth) {
    self.init(split: split, name: dataset.name, folder: dataset.files.images, images: dataset.count)
    classes = dataset.classes.entries.indices.map { ClassCount(name: dataset.classes.name($0), count: 0) }
    var masks = MaskCensus()
    var sizes: [Size] = []
    let reader = SegmentationReader()
    if depth == .files {
      files.isEachLookedFor = true
      for position in 0..<images where dataset.isImageMissing(at: position) { miss(dataset, position) }
    }
    for position in samplePositions {
      let isMissing = dataset.isImageMissing(at: position)
      // Where each was looked for, it is counted already.
      if isMissing && depth == .files { continue }
      files.sampled += 1
      if isMissing {
        miss(dataset, position)
        continue
      }
      var (mask, fault): (ClassMask?, MaskError?)
      look(into: dataset.imagePath(at: position), reader.pictures, depth) {
        do {
          mask = try reader.open(dataset, at: position)
        } catch let error as MaskError {
          fault = error
          throw error
        }
      }
      if let fault { masks.unusable.add("\(fault)") }
      guard let mask else { continue }
      masks.sampled += 1
      sizes.append(Size(width: mask.width, height: mask.height))
      let shown = masks.add(mask, of: dataset.maskPath(at: position), classCount: classes.count)
      for (number, isShown) in shown.enumerated() where isShown { classes[number].count += 1 }
    }
    (self.masks, self.sizes) = (masks, Sizes(sizes))
    findWarnings(rule: dataset.orientation)
  }

  private mutating func miss(_ dataset: SegmentationDataset, _ position: Int) {
    files.missing.add("\(dataset.imagePath(at: position)) is missing, which \(name) lists")
    if files.missing.count == 1 { files.advice = "say where the images lie with \(imagesKey)" }
  }

  /// Throws exit code 65 where a mask cannot be used, and where there is nothing but void.
  func requireUsableMasks() throws {
    guard let masks else { return }
    if let first = masks.unusable.first { throw InputError(.badData, first) }
    if masks.pixels > 0 && masks.voidPixels == masks.pixels {
      throw InputError(
        .badData,
        "\(name): expected classes in the masks, got nothing but 255, which is void, in the \(masks.sampled) that were looked "
          + "into; write the numbers of classes")
    }
  }
}

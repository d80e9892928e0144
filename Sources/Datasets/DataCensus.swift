import Tensors

/// Which images of a data set.
public enum DataSplit: String, Codable, Sendable {
  /// The images that are learned from.
  case train
  /// The images that are evaluated.
  case validation = "val"

  /// How much a run looks at before it starts: evaluation leaves nothing out, and would end at a file hours later.
  public var depthAtStart: DataCensus.Depth {
    switch self {
    case .train: .headers
    case .validation: .files
    }
  }
}

/// What a split of a data set holds, what of it is used, and what looks wrong with it.
public struct DataCensus: Codable, Equatable, Sendable {
  /// How much is looked at beside annotations and names.
  public enum Depth: Sendable {
    /// The headers of a sample of the files.
    case headers
    /// Whether every file is there; the sample is decoded.
    case files
  }

  /// Things that were counted, with the first of them in words.
  public struct Tally: Codable, Equatable, Sendable {
    /// How many.
    public internal(set) var count = 0
    /// The first of them.
    public internal(set) var first: String?

    mutating func add(_ words: @autoclosure () -> String) {
      count += 1
      if count == 1 { first = words() }
    }
  }

  /// A class with what there is of it.
  public struct ClassCount: Codable, Equatable, Sendable {
    /// The class's name.
    public let name: String
    /// Usable objects of a detector's class, not those of images known to be missing; images of a classifier's; masks of the
    /// sample with a segmentation's.
    public internal(set) var count: Int
  }

  /// The size of an image in pixels.
  public struct Size: Codable, Equatable, Sendable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
  }

  /// The sizes of the images, in the order of their numbers of pixels.
  public struct Sizes: Codable, Equatable, Sendable {
    /// The one with the fewest pixels.
    public let smallest: Size
    /// The one in the middle.
    public let median: Size
    /// The one with the most pixels.
    public let largest: Size
  }

  /// What was found in the files of the images.
  public struct Files: Codable, Equatable, Sendable {
    /// Files that were looked into, evenly over the data set.
    public internal(set) var sampled = 0
    /// How many of them were decoded.
    public internal(set) var decoded = 0
    /// Files that are not there: of the sample, or of all where all were looked for.
    public internal(set) var missing = Tally()
    /// Whether all were looked for.
    public internal(set) var isEachLookedFor = false
    /// Files of the sample that cannot be read, or have another size than listed.
    public internal(set) var unreadable = Tally()
    /// Files of the sample that state an orientation other than upright.
    public internal(set) var oriented = Tally()
    /// How many of these are turned.
    public internal(set) var turned = 0
    /// How a missing file can be found.
    public internal(set) var advice: String?

    enum CodingKeys: String, CodingKey {
      case sampled, decoded, missing, unreadable, oriented, turned, advice
      case isEachLookedFor = "each_looked_for"
    }
  }

  /// Which images.
  public let split: DataSplit
  /// The annotation file, or what else messages call the data set.
  public let name: String
  /// The folder of the images, nil where they are in memory.
  public let folder: String?
  /// The number of images.
  public let images: Int
  /// The objects, nil for a classifier's data.
  public internal(set) var objects: ObjectCensus?
  /// The masks, nil for other data than a segmentation's.
  public internal(set) var masks: MaskCensus?
  /// All classes in the order of their numbers.
  public internal(set) var classes: [ClassCount]
  /// The sizes as listed, or of the sample where none are listed; nil where no file could be read.
  public internal(set) var sizes: Sizes?
  /// The files; nothing was looked at where images are in memory.
  public internal(set) var files = Files()
  /// Names that lead out of the folder.
  public internal(set) var outsideNames = Tally()
  /// Names whose backslashes are taken for slashes.
  public internal(set) var translatedNames = Tally()
  /// What looks wrong, with the likely cause.
  public internal(set) var warnings: [String] = []

  enum CodingKeys: String, CodingKey {
    case split, name, folder, images, objects, masks, classes, sizes, files, warnings
    case outsideNames = "names_outside_folder"
    case translatedNames = "names_translated"
  }

  /// Images whose files are looked into, at most.
  static let sampleSize = 64

  /// A census in which nothing is counted yet.
  init(split: DataSplit, name: String, folder: String?, images: Int) {
    (self.split, self.name, self.folder, self.images, classes) = (split, name, folder, images, [])
  }

  /// Looks at a detector's data; boxes that `DetectionDataset.objects` drops are counted as dropped.
  public init(_ dataset: DetectionDataset, _ split: DataSplit, _ depth: Depth) {
    let index = dataset.index
    self.init(split: split, name: index.path, folder: dataset.imageDirectory, images: index.imageCount)
    let names = dataset.expectedNames
    classes = names.map { ClassCount(name: $0, count: 0) }
    let places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
    let order = Dictionary(index.categories.compactMap { category in places[category.name].map { (category.id, $0) } })
    {
      first, _ in first
    }
    let lost = depth == .files ? lookForEach(dataset) : []
    var objects = ObjectCensus()
    if depth == .files { objects.miss(0) }
    var sizes: [Size] = []
    for position in 0..<images {
      let image = index.image(at: position)
      sizes.append(Size(width: image.width, height: image.height))
      judge(image.fileName, path: { dataset.imagePath(at: position) }, in: dataset.imageDirectory)
      if lost.contains(position) {
        objects.miss(index.annotations(at: position).count)
        continue
      }
      var usable = 0
      for annotation in index.annotations(at: position) {
        guard objects.add(annotation, of: image), let number = order[annotation.categoryID] else {
          continue
        }
        classes[number].count += 1
        usable += 1
      }
      if usable == 0 { objects.imagesWithout += 1 }
    }
    self.objects = objects
    self.sizes = Sizes(sizes)
    let reader = ImageReader()
    for position in samplePositions where !lost.contains(position) {
      files.sampled += 1
      let path = dataset.imagePath(at: position)
      if ListedName.isMissing(path) {
        miss(dataset, position)
        continue
      }
      look(into: path, reader, depth) { try reader.open(dataset, at: position) }
    }
    findWarnings(rule: dataset.orientation)
    // They are about figures, of which training images have none.
    if split == .validation { warnings += index.annotationIDRemarks }
  }

  /// Looks at a classifier's data.
  public init(_ dataset: ClassificationDataset, _ split: DataSplit, _ depth: Depth) {
    self.init(
      split: split, name: dataset.name, folder: dataset.imagePath(at: 0) == nil ? nil : dataset.name,
      images: dataset.count)
    classes = zip(dataset.classNames, dataset.countsOfClasses).map { ClassCount(name: $0, count: $1) }
    switch dataset.pictures {
    case .memory(let pictures): sizes = Sizes([Size(width: pictures.width, height: pictures.height)])
    case .files(let folder):
      let reader = ImageReader()
      var sizes: [Size] = []
      for position in samplePositions {
        files.sampled += 1
        let path = folder.path(at: position)
        look(into: "\(path)", reader, depth) {
          let size = try reader.open(path, dataset.orientation)
          sizes.append(Size(width: size.width, height: size.height))
        }
      }
      self.sizes = Sizes(sizes)
    }
    findWarnings(rule: dataset.orientation)
    if let passedOver = dataset.passedOver.warning { warnings.append(passedOver) }
  }

  /// The key of the configuration that says where the images lie.
  var imagesKey: String { "data.\(split.rawValue).images" }

  /// Counts a name that is not that of a file in the folder as it stands.
  private mutating func judge(_ name: String, path: () -> String, in folder: String) {
    let listed = ListedName(name)
    let isForeign = listed.hasBackslashes
    // Most names are plain, and there are many.
    guard
      isForeign || name.utf8.first == UInt8(ascii: "/") || name.utf8.contains(UInt8(ascii: ".")) && name.contains("..")
    else { return }
    let path = path()
    if isForeign && path != "\(folder)/\(name)" { translatedNames.add("\(name) is \(path)") }
    if listed.leadsOutside(folder, path: path) { outsideNames.add(name) }
  }

  /// Looks for every file and returns the positions of those that are not there.
  private mutating func lookForEach(_ dataset: DetectionDataset) -> Set<Int> {
    // One listing is quicker than a look at each file, most of all over a network.
    let listing = ListedName.entries(of: dataset.imageDirectory)
    var lost: Set<Int> = []
    for position in 0..<images where !listing.contains(dataset.index.image(at: position).fileName) {
      if !ListedName.isMissing(dataset.imagePath(at: position)) { continue }
      lost.insert(position)
      miss(dataset, position)
    }
    files.isEachLookedFor = true
    return lost
  }

  private mutating func miss(_ dataset: DetectionDataset, _ position: Int) {
    let image = dataset.index.image(at: position)
    files.missing.add("\(dataset.imagePath(at: position)) is missing, which is listed as image \(image.id)")
    if files.missing.count == 1 {
      files.advice = ListedName(image.fileName).advice(in: dataset.imageDirectory, key: imagesKey)
    }
  }

  /// Images evenly over the data set.
  var samplePositions: [Int] {
    let count = min(images, Self.sampleSize)
    return (0..<count).map { $0 * images / count }
  }

  /// Looks into a file, which `open` makes the reader take into memory.
  mutating func look(into path: String, _ reader: ImageReader, _ depth: Depth, open: () throws -> Void) {
    do {
      try open()
      if reader.orientation != .upright {
        files.oriented.add("\(path), orientation \(reader.orientation.rawValue)")
        if reader.isTurned { files.turned += 1 }
      }
      if depth == .headers { return }
      try reader.decode()
      files.decoded += 1
    } catch {
      files.unreadable.add("\(error)")
    }
  }
}

extension DataCensus.Sizes {
  /// The sizes among these, nil where there are none.
  init?(_ sizes: [DataCensus.Size]) {
    let sorted = sizes.sorted { ($0.width * $0.height, $0.width) < ($1.width * $1.height, $1.width) }
    guard let first = sorted.first, let last = sorted.last else { return nil }
    (smallest, median, largest) = (first, sorted[sorted.count / 2], last)
  }
}

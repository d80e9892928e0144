import Datasets
import Distributed
import Foundation
import Tensors

/// The training or validation images of a segmentation's configuration, opened on every rank.
struct SegmentationSplit: Sendable {
  /// The pictures and their masks.
  let dataset: SegmentationDataset
  /// What they hold, on the first rank.
  let census: DataCensus?

  /// Opens a split; the first rank of each node draws generated images while others wait.
  ///
  /// Its classes are those that are expected, matched by name. All ranks call it. Throws the same error on all ranks, 65 also
  /// where they do not see the same images, and where these cannot be used, see `DataCensus`.
  init(
    _ name: DataSplit, of configuration: Configuration, matching classes: ExpectedClasses? = nil,
    communicator: Communicator
  ) throws {
    let dataset = try communicator.openInTurn { try Self.open(name, of: configuration, classes) }
    try communicator.requireSameData(dataset.contentHash) { (dataset.name, "\(dataset.count) images") }
    self.dataset = dataset
    census = try communicator.usableCensus(of: configuration) { DataCensus(dataset, name, name.depthAtStart) }
  }

  /// Opens a split in this process alone.
  init(_ name: DataSplit, of configuration: Configuration) throws {
    dataset = try Self.open(name, of: configuration, nil)
    census = nil
  }

  /// The classes of a configuration's data; throws 65 for a file that does not name them, or names too many.
  static func classes(of configuration: Configuration) throws -> ClassList {
    try configuration.requireKind([.voc, .shapes])
    let count = configuration.model.classes
    if configuration.data.kind == .shapes { return ShapesDataset.maskClasses }
    let standard = (try? configuration.dataRoot()).map { "\($0)/classes.txt" }
    let file = configuration.data.classes ?? standard.flatMap { FilePath(text: $0).exists ? $0 : nil }
    guard let file else {
      return count == VOCClasses.list.entries.count
        ? VOCClasses.list : ClassList(names: (0..<count).map { $0 == 0 ? "background" : "class \($0)" })
    }
    let list = try ClassList(file: file)
    try ExpectedClasses(list, at: file).requireClasses(below: count)
    return list
  }

  private static func open(
    _ name: DataSplit, of configuration: Configuration, _ expected: ExpectedClasses?
  ) throws -> SegmentationDataset {
    let stored = try classes(of: configuration)
    let list = expected ?? ExpectedClasses(stored, at: "the data")
    try list.requireClasses(below: configuration.model.classes)
    do {
      return try SegmentationDataset(
        try files(name, configuration), stored: stored, expected: expected, orientation: configuration.data.orientation)
    } catch let error as InputError where error.exitCode == .missingFile && configuration.data.kind == .voc {
      throw InputError(
        .missingFile,
        "\(error); data.root, or data.\(name.rawValue).list, images and labels, say where it lies")
    }
  }

  /// Where a split's files are: below the root as in PASCAL VOC 2012 where nothing else is said.
  private static func files(_ name: DataSplit, _ configuration: Configuration) throws -> SegmentationDataset.Files {
    if configuration.data.kind == .shapes {
      let root = try ShapesDataset.root(of: configuration.data.shapes.specification, layout: .masks)
      return SegmentationDataset.Files(root: root, list: name.rawValue)
    }
    let split = name == .train ? configuration.data.train : configuration.data.validation
    let list = split.list ?? Configuration.ListName(name.rawValue)
    // Where all is named, a root may lack: only a list of pairs of paths would start there.
    let isNamed = list.isPath && split.images != nil && split.labels != nil
    var files = SegmentationDataset.Files(
      root: isNamed ? (try? configuration.dataRoot()) ?? "" : try configuration.dataRoot(), list: list.text,
      masks: list.text == "trainaug" ? "SegmentationClassAug" : "SegmentationClass")
    if list.isPath { files.list = list.text }
    if let images = split.images { files.images = images }
    if let masks = split.labels { files.masks = masks }
    return files
  }
}

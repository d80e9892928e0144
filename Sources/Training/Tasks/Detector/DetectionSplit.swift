import Datasets
import Detection
import Distributed
import Foundation
import Tensors

/// The training or validation images of a configuration, opened on every rank.
public struct DetectionSplit: Sendable {
  /// Which images.
  public typealias Name = DataSplit

  /// The images and their objects.
  public let dataset: DetectionDataset
  /// What they hold, on the first rank.
  let census: DataCensus?

  /// Opens a split; the first rank of each node builds the index, or draws the generated images, while others wait.
  ///
  /// Its classes are those that are expected, matched by name; where nothing is said, those of validation annotations are
  /// the training annotations' where these are there. All ranks call it. Throws the same error on all ranks, 65 also where
  /// they do not see the same annotations, and where these cannot be learned from or evaluated, see `DataCensus`.
  public init(
    _ name: Name, of configuration: Configuration, matching classes: ExpectedClasses? = nil, communicator: Communicator
  ) throws {
    let dataset = try communicator.openInTurn { try Self.open(name, of: configuration, classes) }
    try communicator.requireSameData(dataset.index.contentHash) {
      (dataset.index.path, "\(dataset.index.imageCount) images with \(dataset.index.annotationCount) objects")
    }
    self.dataset = dataset
    census = try communicator.usableCensus(of: configuration) { DataCensus(dataset, name, name.depthAtStart) }
  }

  /// Opens a split in this process alone.
  public init(_ name: Name, of configuration: Configuration, matching classes: ExpectedClasses? = nil) throws {
    dataset = try Self.open(name, of: configuration, classes)
    census = nil
  }

  private static func open(
    _ name: Name, of configuration: Configuration, _ classes: ExpectedClasses?
  ) throws -> DetectionDataset {
    try configuration.requireKind([.coco, .shapes])
    let (annotations, images) = try paths(name, configuration)
    let index: COCOIndex
    do {
      index = try COCOIndex.open(annotations: annotations)
    } catch let error as InputError where error.exitCode == .missingFile && configuration.data.kind == .coco {
      throw InputError(.missingFile, "\(error); data.root or data.\(name.rawValue).annotations says where it lies")
    }
    let expected = try classes ?? (name == .validation ? trainingClasses(configuration) : nil)
    if name == .train, let expected { try expected.requireAll(index.categories.map(\.name), in: index.path) }
    return try DetectionDataset(
      index: index, imageDirectory: images,
      numbering: expected.map { .byName($0) } ?? numbering(of: index, configuration),
      classCount: configuration.model.classes, orientation: configuration.data.orientation)
  }

  /// How the categories of a file become classes that no other data have.
  ///
  /// COCO's 80 ids end at 90: with 90 classes the official code takes id - 1, else categories are counted.
  private static func numbering(of index: COCOIndex, _ configuration: Configuration) -> ClassNumbering {
    if configuration.model.form == .torchvision { return .byIdentifier(first: 0) }
    return configuration.model.classes == index.categories.count ? .byOrder : .byIdentifier(first: 1)
  }

  /// The classes of the training annotations, where these are there; throws what is wrong with them.
  private static func trainingClasses(_ configuration: Configuration) throws -> ExpectedClasses? {
    guard let (annotations, _) = try? paths(.train, configuration) else { return nil }
    let index: COCOIndex
    do {
      index = try COCOIndex.open(annotations: annotations)
    } catch let error as InputError where error.exitCode == .missingFile {
      return nil
    }
    let classes = try DetectionDataset.classes(
      of: index, numbering: numbering(of: index, configuration), classCount: configuration.model.classes)
    return ExpectedClasses(classes, at: "the training annotations \(annotations)")
  }

  /// The file that a text of the configuration means; throws 78 where its name is not UTF-8, as COCO's are.
  private static func file(_ text: String) throws -> String {
    if let path = String(validating: FilePath(text: text).bytes, as: UTF8.self) { return path }
    throw InputError(
      .badConfiguration,
      "\(text): expected a path in UTF-8 for a detector's data, got other bytes; give a link of another name to it")
  }

  /// The annotation file and the image folder of a split.
  private static func paths(
    _ name: Name, _ configuration: Configuration
  ) throws -> (annotations: String, images: String) {
    let data = configuration.data
    if data.kind == .shapes {
      let root = try ShapesDataset.root(of: data.shapes.specification)
      return ("\(root)/annotations/instances_\(name.rawValue)2017.json", "\(root)/\(name.rawValue)2017")
    }
    let split = name == .train ? data.train : data.validation
    let year = "\(name.rawValue)2017"
    func below(_ path: String) throws -> String { "\(try configuration.dataRoot())/\(path)" }
    return (
      try file(split.annotations ?? below("annotations/instances_\(year).json")),
      try file(split.images ?? below(year))
    )
  }
}

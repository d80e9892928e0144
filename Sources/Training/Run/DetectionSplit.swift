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
  /// All ranks call it. Throws the same error on all ranks, 65 also where they do not see the same annotations, and where
  /// these cannot be learned from or evaluated, see `DataCensus`.
  public init(_ name: Name, of configuration: Configuration, communicator: Communicator) throws {
    let open = { try Self.open(name, of: configuration) }
    // Building is idempotent, so waiting is all that the others have to do.
    let first = try communicator.collectively { communicator.localRank == 0 ? try open() : nil }
    let dataset = try communicator.collectively { try first ?? open() }
    try communicator.requireSameData(dataset.index.contentHash) {
      (dataset.index.path, "\(dataset.index.imageCount) images with \(dataset.index.annotationCount) objects")
    }
    self.dataset = dataset
    census = try communicator.collectively {
      guard communicator.rank == 0 else { return nil }
      let census = DataCensus(dataset, name, .headers)
      switch name {
      case .train: try census.requireLearnable(maximumFaults: configuration.data.maxFaults)
      case .validation: try census.requireEvaluable()
      }
      return census
    }
  }

  /// Opens a split in this process alone.
  public init(_ name: Name, of configuration: Configuration) throws {
    dataset = try Self.open(name, of: configuration)
    census = nil
  }

  private static func open(_ name: Name, of configuration: Configuration) throws -> DetectionDataset {
    switch configuration.data.kind {
    case .coco, .shapes: break
    case .imageFolder, .cifar10, .mnist:
      throw InputError(
        .badConfiguration,
        "data.kind: expected coco or shapes with model.name \(configuration.model.name.rawValue), got "
          + configuration.data.kind.rawValue)
    }
    let (annotations, images) = try paths(name, configuration)
    let index: COCOIndex
    do {
      index = try COCOIndex.open(annotations: annotations)
    } catch let error as InputError where error.exitCode == .missingFile && configuration.data.kind == .coco {
      throw InputError(.missingFile, "\(error); data.root or data.\(name.rawValue).annotations says where it lies")
    }
    return try DetectionDataset(
      index: index, imageDirectory: images, numbering: numbering(of: index, name, configuration),
      classCount: configuration.model.classes, orientation: configuration.data.orientation)
  }

  /// How the categories of a split become classes; throws 65 where the splits would number them differently.
  ///
  /// COCO's 80 ids end at 90: with 90 classes the official code takes id - 1, else categories are counted. The training
  /// annotations decide, where they are there: a validation file that lists only what occurs in it would be counted otherwise.
  private static func numbering(
    of index: COCOIndex, _ name: Name, _ configuration: Configuration
  ) throws -> ClassNumbering {
    if configuration.model.form == .torchvision { return .byIdentifier(first: 0) }
    let training =
      name == .train
      ? index : (try? paths(.train, configuration)).flatMap { try? COCOIndex.open(annotations: $0.annotations) }
    let (deciding, own) = ((training ?? index).categories.map(\.id), index.categories.map(\.id))
    if configuration.model.classes != deciding.count { return .byIdentifier(first: 1) }
    if own == deciding { return .byOrder }
    // Ids without gaps from 1 say the same by themselves, whichever of them a file lists.
    if deciding.first == 1 && deciding.last == deciding.count { return .byIdentifier(first: 1) }
    let odd = own.first { !deciding.contains($0) } ?? deciding.first { !own.contains($0) }
    throw InputError(
      .badData,
      "\(index.path): categories: expected the ids of \(training?.path ?? ""), which model.classes counts; only one of the "
        + "two has \(odd ?? 0); list the same categories in both files")
  }

  /// The annotation file and the image folder of a split.
  private static func paths(
    _ name: Name, _ configuration: Configuration
  ) throws -> (annotations: String, images: String) {
    let data = configuration.data
    if data.kind == .shapes {
      let shapes = data.shapes
      let root = try ShapesDataset.root(
        of: ShapesSpecification(
          width: shapes.size.width, height: shapes.size.height, trainCount: shapes.trainImages,
          validationCount: shapes.validationImages, seed: shapes.seed,
          minimumObjectSize: min(24, min(shapes.size.width, shapes.size.height) * 7 / 10)))
      return ("\(root)/annotations/instances_\(name.rawValue)2017.json", "\(root)/\(name.rawValue)2017")
    }
    let split = name == .train ? data.train : data.validation
    let year = "\(name.rawValue)2017"
    func below(_ path: String) throws -> String { "\(try configuration.dataRoot())/\(path)" }
    return (
      try split.annotations ?? below("annotations/instances_\(year).json"), try split.images ?? below(year)
    )
  }
}

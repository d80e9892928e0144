import Datasets
import Distributed
import Foundation
import Tensors

/// The training or validation images of a classifier's configuration, opened on every rank.
public struct ClassificationSplit: Sendable {
  /// Which images.
  public typealias Name = DetectionSplit.Name

  /// The images and their classes.
  public let dataset: ClassificationDataset
  /// What they are, on the first rank.
  let census: DataCensus?

  /// Opens a split; each rank lists or reads it for itself.
  ///
  /// All ranks call it. Throws the same error on all ranks, 65 also where they do not see the same images.
  public init(_ name: Name, of configuration: Configuration, communicator: Communicator) throws {
    let dataset = try communicator.collectively { try Self.open(name, of: configuration) }
    try communicator.requireSameData(dataset.contentHash) { (dataset.name, "\(dataset.count) images") }
    self.dataset = dataset
    census = try communicator.collectively {
      guard communicator.rank == 0 else { return nil }
      let census = DataCensus(dataset, name, .headers)
      if let loss = census.lossOfImages { throw InputError(.badData, loss) }
      return census
    }
  }

  /// Opens a split in this process alone.
  public init(_ name: Name, of configuration: Configuration) throws {
    dataset = try Self.open(name, of: configuration)
    census = nil
  }

  private static func open(_ name: Name, of configuration: Configuration) throws -> ClassificationDataset {
    do {
      let dataset = try read(name, configuration)
      try dataset.requireClasses(below: configuration.model.classes)
      return dataset
    } catch let error as InputError where error.exitCode == .missingFile {
      let key = configuration.data.kind == .cifar10 ? "files" : "images"
      throw InputError(.missingFile, "\(error); data.root or data.\(name.rawValue).\(key) says where it lies")
    }
  }

  private static func read(_ name: Name, _ configuration: Configuration) throws -> ClassificationDataset {
    let data = configuration.data
    let split = name == .train ? data.train : data.validation
    switch data.kind {
    case .imageFolder:
      var dataset = ClassificationDataset(try ImageFolder(root: try split.folder(name, configuration)))
      dataset.orientation = data.orientation
      try requireClassesOfTraining(dataset, name, configuration)
      return dataset
    case .cifar10:
      let files = try split.cifarFiles(name, configuration)
      let name = files.count == 1 ? files[0] : "\(files[0]) and \(files.count - 1) more"
      return ClassificationDataset(try CIFARFile.read(files), name: name, classNames: CIFARFile.classNames)
    case .mnist:
      let (images, labels) = try split.mnistFiles(name, configuration)
      let digits = (0..<10).map { "\($0)" }
      return ClassificationDataset(
        try IDXFile.read(images: images, labels: labels, classCount: digits.count), name: images, classNames: digits)
    case .coco, .shapes:
      throw InputError(
        .badConfiguration,
        "data.kind: expected image_folder, cifar10 or mnist with model.name \(configuration.model.name.rawValue), got "
          + data.kind.rawValue)
    }
  }

  /// Validation images have the classes of the training images, where these are there to compare with.
  private static func requireClassesOfTraining(
    _ dataset: ClassificationDataset, _ name: Name, _ configuration: Configuration
  ) throws {
    guard name == .validation else { return }
    let training = try configuration.data.train.folder(.train, configuration)
    guard FileManager.default.fileExists(atPath: training) else { return }
    try dataset.requireClasses(of: ImageFolder.classNames(in: training), at: training)
  }
}

extension Configuration.Split {
  /// The folder of the class folders.
  fileprivate func folder(_ name: ClassificationSplit.Name, _ configuration: Configuration) throws -> String {
    try images ?? "\(configuration.dataRoot())/\(name.rawValue)"
  }

  /// The files of CIFAR-10's records.
  fileprivate func cifarFiles(_ name: ClassificationSplit.Name, _ configuration: Configuration) throws -> [String] {
    if let files { return files.paths }
    let root = try configuration.dataRoot()
    let names = name == .train ? (1...5).map { "data_batch_\($0).bin" } : ["test_batch.bin"]
    return names.map { Self.plainOrCompressed("\(root)/\($0)") }
  }

  /// The IDX files of pictures and classes, by their names on LeCun's page.
  fileprivate func mnistFiles(
    _ name: ClassificationSplit.Name, _ configuration: Configuration
  ) throws -> (images: String, labels: String) {
    func below(_ kind: String) throws -> String {
      let start = name == .train ? "train" : "t10k"
      return Self.plainOrCompressed("\(try configuration.dataRoot())/\(start)-\(kind)-ubyte")
    }
    return (try images ?? below("images-idx3"), try labels ?? below("labels-idx1"))
  }

  /// The path, or the compressed file beside it where only that is there.
  private static func plainOrCompressed(_ path: String) -> String {
    ["", ".gz", ".xz"].map { path + $0 }.first { FileManager.default.fileExists(atPath: $0) } ?? path
  }
}

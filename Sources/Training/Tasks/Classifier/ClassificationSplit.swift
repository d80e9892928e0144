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
  /// Its classes are those that are expected, matched by name; where nothing is said, those of validation images are the
  /// training images' where these are there. All ranks call it. Throws the same error on all ranks, 65 also where they do not
  /// see the same images, and where too many of these cannot be had, see `DataCensus`.
  public init(
    _ name: Name, of configuration: Configuration, matching classes: ExpectedClasses? = nil, communicator: Communicator
  ) throws {
    let dataset = try communicator.collectively { try Self.open(name, of: configuration, classes) }
    try communicator.requireSameData(dataset.contentHash) { (dataset.name, "\(dataset.count) images") }
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
  ) throws -> ClassificationDataset {
    let dataset: ClassificationDataset
    do {
      dataset = try read(name, configuration)
    } catch let error as InputError where error.exitCode == .missingFile {
      let key = configuration.data.kind == .cifar10 ? "files" : "images"
      throw InputError(.missingFile, "\(error); data.root or data.\(name.rawValue).\(key) says where it lies")
    }
    let expected = try classes ?? (name == .validation ? trainingClasses(configuration) : nil)
    guard let expected else {
      try dataset.requireClasses(below: configuration.model.classes)
      return dataset
    }
    try expected.requireClasses(below: configuration.model.classes)
    if name == .train && configuration.data.kind == .imageFolder {
      try expected.requireAll(dataset.classNames, in: dataset.name)
    }
    return try dataset.matched(to: expected)
  }

  private static func read(_ name: Name, _ configuration: Configuration) throws -> ClassificationDataset {
    let data = configuration.data
    let split = name == .train ? data.train : data.validation
    try configuration.requireKind([.imageFolder, .cifar10, .mnist])
    if data.kind == .cifar10 {
      let files = try split.cifarFiles(name, configuration)
      let name = files.count == 1 ? files[0] : "\(files[0]) and \(files.count - 1) more"
      return ClassificationDataset(try CIFARFile.read(files), name: name, classNames: CIFARFile.classNames)
    }
    if data.kind == .mnist {
      let (images, labels) = try split.mnistFiles(name, configuration)
      let digits = (0..<10).map { "\($0)" }
      return ClassificationDataset(
        try IDXFile.read(images: images, labels: labels, classCount: digits.count), name: images, classNames: digits)
    }
    let folder = try ImageFolder(root: try split.folder(name, configuration))
    if name == .train { try requireImagesOfEveryClass(folder, configuration) }
    var dataset = ClassificationDataset(folder)
    dataset.orientation = data.orientation
    return dataset
  }

  /// The classes of the training images, where these are there; nil where the kind of data has classes of its own.
  private static func trainingClasses(_ configuration: Configuration) throws -> ExpectedClasses? {
    guard configuration.data.kind == .imageFolder else { return nil }
    let training = try configuration.data.train.folder(.train, configuration)
    guard training.exists else { return nil }
    return ExpectedClasses(
      ClassList(names: try ImageFolder.classNames(in: training)), at: "the training images in \(training)")
  }

  /// Throws exit code 65 for a class that nothing can be learned of.
  private static func requireImagesOfEveryClass(_ folder: ImageFolder, _ configuration: Configuration) throws {
    guard let empty = folder.classNames.indices.first(where: { folder.images(ofClass: $0).isEmpty }) else { return }
    // Without its training images the class must go from the validation images too.
    let validation = try configuration.data.validation.folder(.validation, configuration)
    let other = validation.appending(folder.folder(ofClass: empty).bytes.dropFirst(folder.root.bytes.count + 1))
    throw InputError(
      .badData,
      "\(folder.folder(ofClass: empty)): expected images (\(ImageFolder.endings.joined(separator: ", "))), got none, and no class "
        + "can be learned without; add some, or remove the folder" + (other.exists ? " and \(other)" : ""))
  }
}

extension Configuration.Split {
  /// The folder of the class folders.
  fileprivate func folder(_ name: ClassificationSplit.Name, _ configuration: Configuration) throws -> FilePath {
    FilePath(text: try images ?? "\(configuration.dataRoot())/\(name.rawValue)")
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

import Tensors

/// Pictures that each belong to one class.
public struct ClassificationDataset: Sendable {
  /// Where the pictures are.
  enum Pictures: Sendable {
    /// In files, each of its own size.
    case files(ImageFolder)
    /// In memory, all of one size.
    case memory(LabeledImages)
  }

  /// What messages call the data set: its folder or its first file.
  public let name: String
  /// The names of the classes in the order of their numbers.
  public let classNames: [String]
  let pictures: Pictures
  /// What becomes of picture files that state an orientation; without annotations `auto` takes them as stored.
  public var orientation = OrientationRule.auto

  /// Pictures in one folder for each class.
  public init(_ folder: ImageFolder) {
    (name, classNames, pictures) = (folder.root, folder.classNames, .files(folder))
  }

  /// Pictures in memory, with a name for each class.
  public init(_ images: LabeledImages, name: String, classNames: [String]) {
    (self.name, self.classNames, pictures) = (name, classNames, .memory(images))
  }

  /// The number of pictures.
  public var count: Int {
    switch pictures {
    case .files(let folder): folder.count
    case .memory(let images): images.count
    }
  }

  /// Planes of a picture: 1 for grey, 3 for red, green and blue; files are read as colour.
  public var channels: Int {
    switch pictures {
    case .files: 3
    case .memory(let images): images.channels
    }
  }

  /// The class of a picture.
  public func label(at index: Int) -> Int {
    switch pictures {
    case .files(let folder): folder.label(at: index)
    case .memory(let images): Int(images.labels[index])
    }
  }

  /// The file of a picture, nil where pictures are in memory.
  public func imagePath(at index: Int) -> String? {
    switch pictures {
    case .files(let folder): folder.path(at: index)
    case .memory: nil
    }
  }

  /// What messages call a picture: its path, or its number in the data set.
  public func imageName(at index: Int) -> String { imagePath(at: index) ?? "picture \(index) of \(name)" }

  /// Pictures of each class.
  public var countsOfClasses: [Int] {
    switch pictures {
    case .files(let folder): return classNames.indices.map { folder.images(ofClass: $0).count }
    case .memory(let images):
      var counts = [Int](repeating: 0, count: classNames.count)
      for label in images.labels { counts[Int(label)] += 1 }
      return counts
    }
  }

  /// The same on all machines that hold the same pictures in the same order; of files the names count, not the content.
  public var contentHash: UInt64 {
    switch pictures {
    case .files(let folder): return folder.contentHash
    case .memory(let images):
      var hash = ContentHash()
      images.labels.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<($0.count / 32 * 32)])) }
      images.pixels.withUnsafeBytes { hash.update($0) }
      return hash.value
    }
  }

  /// Throws exit code 65 when a picture is of a class that a model of `classCount` does not have.
  public func requireClasses(below classCount: Int) throws {
    switch pictures {
    case .files:
      if classNames.count > classCount {
        throw InputError(
          .badData,
          "\(name): has \(classNames.count) classes, the model has \(classCount); set model.classes to "
            + "\(classNames.count)")
      }
    case .memory(let images):
      if let index = images.labels.firstIndex(where: { $0 >= classCount }) {
        throw InputError(
          .badData,
          "\(name): class of picture \(index): expected 0 to \(classCount - 1), as the model has \(classCount) classes, "
            + "got \(images.labels[index]); set model.classes to \(classNames.count)")
      }
    }
  }

  /// Throws exit code 65, naming the first of them, when the classes are not those of the training pictures.
  public func requireClasses(of training: [String], at place: String) throws {
    if training == classNames { return }
    let (own, theirs) = (Set(classNames), Set(training))
    if let extra = classNames.first(where: { !theirs.contains($0) }) {
      throw InputError(
        .badData,
        "\(name): class \(extra): expected only classes of the training images in \(place), which lack this one")
    }
    if let missing = training.first(where: { !own.contains($0) }) {
      throw InputError(.badData, "\(name): class \(missing): expected images as in \(place), got no such folder")
    }
  }
}

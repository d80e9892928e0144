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
  public private(set) var classNames: [String]
  let pictures: Pictures
  /// The number of each class of `pictures`; nil for one that has no pictures and none of the names.
  private var numbers: [Int?]
  /// What becomes of picture files that state an orientation; without annotations `auto` takes them as stored.
  public var orientation = OrientationRule.auto

  /// Pictures in one folder for each class.
  public init(_ folder: ImageFolder) {
    (name, classNames, pictures) = ("\(folder.root)", folder.classNames, .files(folder))
    numbers = Array(classNames.indices)
  }

  /// Pictures in memory, with a name for each class.
  public init(_ images: LabeledImages, name: String, classNames: [String]) {
    (self.name, self.classNames, pictures) = (name, classNames, .memory(images))
    numbers = Array(classNames.indices)
  }

  /// The same pictures with the classes that are expected, matched by name.
  ///
  /// Throws exit code 65 with both lists for a class folder, or for the class of a picture in memory, that is not among
  /// them.
  public func matched(to expected: ExpectedClasses) throws -> ClassificationDataset {
    var result = self
    let own = numbers.indices.filter { isGiven(ofClass: $0) }
    let numbers = try expected.numbers(of: own.map { classNames[$0] }, in: name)
    result.numbers = Array(repeating: nil, count: classNames.count)
    for (kind, number) in zip(own, numbers) { result.numbers[kind] = number }
    result.classNames = expected.list.entries.indices.map { expected.list.name($0) }
    return result
  }

  /// Whether there is a folder of a class, or a picture of it in memory.
  private func isGiven(ofClass kind: Int) -> Bool {
    switch pictures {
    case .files: true
    case .memory(let images): images.labels.contains(UInt8(kind))
    }
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
    let kind =
      switch pictures {
      case .files(let folder): folder.label(at: index)
      case .memory(let images): Int(images.labels[index])
      }
    guard let number = numbers[kind] else { fatalError("picture \(index) of \(name) has no class") }
    return number
  }

  /// The file of a picture, nil where pictures are in memory.
  public func imagePath(at index: Int) -> FilePath? {
    switch pictures {
    case .files(let folder): folder.path(at: index)
    case .memory: nil
    }
  }

  /// What messages call a picture: its path, or its number in the data set.
  public func imageName(at index: Int) -> String {
    imagePath(at: index)?.description ?? "picture \(index) of \(name)"
  }

  /// What lies in the folder and is no picture of a class; nothing where pictures are in memory.
  public var passedOver: PassedOver {
    switch pictures {
    case .files(let folder): folder.passedOver
    case .memory: PassedOver()
    }
  }

  /// Pictures of each class.
  public var countsOfClasses: [Int] {
    var counts = [Int](repeating: 0, count: classNames.count)
    switch pictures {
    case .files(let folder):
      for (kind, number) in numbers.enumerated() {
        if let number { counts[number] = folder.images(ofClass: kind).count }
      }
    case .memory(let images):
      for label in images.labels { if let number = numbers[Int(label)] { counts[number] += 1 } }
    }
    return counts
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
    case .files: try ExpectedClasses(ClassList(names: classNames), at: name).requireClasses(below: classCount)
    case .memory(let images):
      if let index = images.labels.firstIndex(where: { $0 >= classCount }) {
        throw InputError(
          .badData,
          "\(name): class of picture \(index): expected 0 to \(classCount - 1), as the model has \(classCount) classes, "
            + "got \(images.labels[index]); set model.classes to \(classNames.count)")
      }
    }
  }
}

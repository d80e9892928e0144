import Tensors

/// Pictures in one folder for each class, as ImageNet's are stored: `ROOT/CLASS/*.JPEG`, or deeper.
///
/// Classes are the names of the folders, sorted by their bytes. Pictures of a class are those in its folder and then those
/// in the folders below it, which are sorted by the bytes of their paths; within a folder they are sorted by the bytes of
/// their names. So every machine finds the same order, and torchvision's `ImageFolder` does too. A name takes its bytes and
/// eight more, 40 MB for ImageNet.
public struct ImageFolder: Sendable {
  /// The folder of the class folders.
  public let root: FilePath
  /// The names of the classes in the order of their numbers, with bytes escaped that are not UTF-8.
  public let classNames: [String]
  /// What was found and is no picture of a class.
  public private(set) var passedOver = PassedOver()
  /// The names of the class folders.
  private let classFolders: [[UInt8]]
  /// All paths of pictures below their class folders, one after the other.
  private var names: [UInt8] = []
  /// Where each path ends.
  private var ends: [Int] = []
  /// The index of each class's first picture, and the number of pictures at the end.
  private var firstOfClass: [Int] = [0]

  /// Endings of pictures, in any case of letters.
  public static let endings = [".jpg", ".jpeg", ".png"]
  /// Endings of pictures that are not read.
  private static let otherEndings = [
    ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pnm", ".jfif", ".jpe", ".jp2", ".jxl", ".heic",
    ".heif", ".avif", ".tga",
  ]

  /// Lists a folder, and whatever is below its class folders, links to folders too; hidden names are left out.
  ///
  /// A class folder without pictures is fine here. Throws exit code 66 when a folder is missing or cannot be read, 65
  /// when there are no class folders, no pictures in them, or two folders of one name.
  public init(root: FilePath) throws {
    self.root = root
    let top = try ClassFolders(in: root)
    (classFolders, classNames, passedOver) = (top.folders, top.names, top.passedOver)
    for folder in classFolders {
      var tree: [Folder] = []
      try list(root.appending(folder), below: [], above: [top.identity], into: &tree)
      // Without the slash, which some characters come before.
      tree.sort { $0.path.dropLast().lexicographicallyPrecedes($1.path.dropLast()) }
      for folder in tree { append(folder) }
      firstOfClass.append(ends.count)
    }
    if ends.isEmpty { throw Self.noPictures(in: root, passedOver) }
  }

  /// Lists the folder at the path that a string spells; see `init(root:)` above.
  public init(root: String) throws { try self.init(root: FilePath(root)) }

  /// The sorted names of the class folders; throws exit code 66 when `root` is missing, 65 when there are none.
  public static func classNames(in root: FilePath) throws -> [String] {
    try ClassFolders(in: root).names
  }

  /// The number of pictures.
  public var count: Int { ends.count }

  /// The numbers of the pictures of a class.
  public func images(ofClass label: Int) -> Range<Int> { firstOfClass[label]..<firstOfClass[label + 1] }

  /// The class of a picture.
  public func label(at index: Int) -> Int {
    require(index >= 0 && index < count, "picture \(index) of \(count)")
    var (low, high) = (0, classNames.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if firstOfClass[middle] <= index { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// The path of a picture.
  public func path(at index: Int) -> FilePath {
    folder(ofClass: label(at: index)).appending(names[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
  }

  /// The folder of a class.
  public func folder(ofClass label: Int) -> FilePath { root.appending(classFolders[label]) }

  /// What differs where two listings do, in classes, names or order.
  var contentHash: UInt64 {
    var hash = ContentHash()
    var head = Array(classFolders.joined(separator: "/".utf8))
    head += Array(repeating: 0, count: (32 - head.count % 32) % 32)
    head.withUnsafeBytes { hash.update($0) }
    var places = ends + firstOfClass
    places += Array(repeating: 0, count: (4 - places.count % 4) % 4)
    places.withUnsafeBytes { hash.update($0) }
    names.withUnsafeBytes { hash.update($0) }
    return hash.value
  }
}

// MARK: - Listing

extension ImageFolder {
  /// What lies directly in the folder of the class folders.
  private struct ClassFolders {
    let identity: DirectoryEntries.Identity
    let folders: [[UInt8]]
    /// The folders' names as text, of which no two are equal as Unicode means it.
    let names: [String]
    let passedOver: PassedOver

    init(in root: FilePath) throws {
      let entries = try DirectoryEntries(root, isFile: isPicture)
      var (folders, passedOver) = ([[UInt8]](), PassedOver())
      entries.forEach { name, isFolder in
        if let kind = leftOut(name, isFolder: isFolder) {
          passedOver.add(kind, root.appending(name))
        } else if isFolder {
          folders.append(Array(name))
        } else {
          passedOver.add(.outsidePicture, root.appending(name))
        }
      }
      if folders.isEmpty {
        let found = passedOver.text().map { "got \($0)" } ?? "got no folders"
        throw InputError(
          .badData,
          "\(root): expected one folder for each class, \(found); put the images of a class into a folder of its name")
      }
      (identity, self.folders, self.passedOver) = (entries.identity, folders, passedOver)
      names = folders.map { FilePath.text($0) }
      var known: Set<String> = []
      if let name = names.first(where: { !known.insert($0).inserted }) {
        throw InputError(
          .badData,
          "\(root): expected class folders of different names, got two of \(name), which differ in how Unicode writes it; "
            + "put their images into one folder")
      }
    }
  }

  /// The pictures of one folder of a class.
  private struct Folder {
    /// The path from the class folder, with a slash at the end, empty for that folder itself.
    let path: [UInt8]
    /// The names, each with a zero behind it.
    var names: [UInt8] = []
  }

  /// Lists a folder of a class and those below it; `above` are those on the way to it.
  private mutating func list(
    _ folder: FilePath, below path: [UInt8], above: [DirectoryEntries.Identity], into tree: inout [Folder]
  ) throws {
    let entries = try DirectoryEntries(folder, isFile: Self.isPicture)
    if above.contains(entries.identity) {
      passedOver.add(.loop, folder)
      return
    }
    let place = tree.count
    tree.append(Folder(path: path))
    try entries.forEach { name, isFolder in
      if let kind = Self.leftOut(name, isFolder: isFolder) {
        passedOver.add(kind, folder.appending(name))
      } else if isFolder {
        try list(
          folder.appending(name), below: path + name + [UInt8(ascii: "/")], above: above + [entries.identity],
          into: &tree)
      } else {
        tree[place].names += name
        tree[place].names.append(0)
      }
    }
  }

  /// Takes the pictures of a folder.
  private mutating func append(_ folder: Folder) {
    for name in folder.names.split(separator: 0) {
      names += folder.path
      names += name
      ends.append(names.count)
    }
  }

  private static func noPictures(in root: FilePath, _ passedOver: PassedOver) -> InputError {
    InputError(
      .badData,
      "\(root): expected images (\(endings.joined(separator: ", "))) in its class folders, got "
        + "\(passedOver.text() ?? "none"); put such files there")
  }

  /// Why an entry is left out; nil for a folder to look into, and for a picture.
  private static func leftOut(_ name: ArraySlice<UInt8>, isFolder: Bool) -> PassedOver.Kind? {
    let isHidden = name.first == UInt8(ascii: ".")
    if isFolder { return isHidden ? .hiddenFolder : nil }
    if isPicture(name) { return isHidden ? .hiddenPicture : nil }
    return !isHidden && has(name, otherEndings) ? .otherPicture : .otherFile
  }

  private static func isPicture(_ name: ArraySlice<UInt8>) -> Bool { has(name, endings) }

  /// Whether a name ends in one of these, in any case of letters, with something before it.
  private static func has(_ name: ArraySlice<UInt8>, _ endings: [String]) -> Bool {
    endings.contains { ending in
      name.count > ending.utf8.count
        && zip(name.suffix(ending.utf8.count), ending.utf8).allSatisfy { byte, expected in
          byte == expected || (byte | 0x20 == expected && byte >= UInt8(ascii: "A"))
        }
    }
  }
}

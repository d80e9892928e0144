import Tensors

/// What a listing of pictures left out: how much of each kind, with the first example.
public struct PassedOver: Equatable, Sendable {
  /// Kinds of what is left out; of all but the last one somebody may have meant to learn from it.
  public enum Kind: CaseIterable, Sendable {
    /// A picture in a format that is not read, by the ending of its name.
    case otherPicture
    /// A picture that lies beside the class folders, in none of them.
    case outsidePicture
    /// A hidden picture: its name starts with a dot.
    case hiddenPicture
    /// A folder that a link leads back to from below itself.
    case loop
    /// A hidden folder, whatever is in it.
    case hiddenFolder
    /// Any other file.
    case otherFile

    /// What one of them, or several, are called.
    fileprivate func words(_ count: Int) -> String {
      let plural = count == 1 ? "" : "s"
      return switch self {
      case .otherPicture: "picture\(plural) of other formats than \(ImageFolder.endings.joined(separator: ", "))"
      case .outsidePicture: "picture\(plural) beside the class folders"
      case .hiddenPicture: "hidden picture\(plural)"
      case .loop: "link\(plural) back to a folder above"
      case .hiddenFolder: "hidden folder\(plural)"
      case .otherFile: "file\(plural) that \(count == 1 ? "is no picture" : "are no pictures")"
      }
    }
  }

  /// What is left out of one kind.
  public struct Found: Equatable, Sendable {
    /// How many.
    public fileprivate(set) var count: Int
    /// The first one's path, with bytes escaped that are not UTF-8.
    public let example: String

    init(count: Int, example: String) { (self.count, self.example) = (count, example) }
  }

  /// What was found of each kind; kinds of which there is nothing are absent.
  public private(set) var found: [Kind: Found] = [:]

  /// The counts of some kinds with an example each, nil where there is nothing of them.
  public func text(of kinds: [Kind] = Kind.allCases) -> String? {
    let parts = kinds.compactMap { kind in
      found[kind].map { "\($0.count) \(kind.words($0.count)) (\($0.count == 1 ? "" : "such as ")\($0.example))" }
    }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// What somebody may have meant to learn from, or to evaluate, in words; nil where there is nothing of that kind.
  public var warning: String? {
    text(of: Kind.allCases.filter { $0 != .otherFile }).map { "left out: \($0)" }
  }

  /// Counts one more of a kind.
  mutating func add(_ kind: Kind, _ path: @autoclosure () -> FilePath) {
    if found[kind] == nil {
      found[kind] = Found(count: 1, example: "\(path())")
    } else {
      found[kind]?.count += 1
    }
  }
}

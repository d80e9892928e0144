import Tensors

/// Something wrong with the training data that one picture or box less can mend.
public struct DataFault: Codable, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of fault.
  public enum Kind: Codable, Hashable, Sendable {
    /// A picture that cannot be read or decoded, or has another size than the annotations say.
    case unreadableImage
    /// A box without width or height.
    case zeroSizeBox
    /// A box that lies wholly outside its picture.
    case outsideBox
  }

  /// The kind of fault.
  public let kind: Kind
  /// What is wrong and where.
  public let cause: String

  /// The message to print: the cause and what was done about it.
  public var description: String {
    switch kind {
    case .unreadableImage: "\(shown(cause)); dropped, the next image takes its place"
    case .zeroSizeBox, .outsideBox: "\(shown(cause)); dropped"
    }
  }
}

/// The faults of the training data that were passed over, each counted once however often it comes round.
public struct FaultLog: Sendable {
  /// How many different faults are bearable.
  public let maximum: Int
  /// The pictures of the data set, of which no more than half may be unreadable.
  public let imageCount: Int
  /// The different faults in the order in which they came up.
  public private(set) var faults: [DataFault] = []
  private var known: Set<DataFault> = []

  /// An empty log of a data set of so many pictures.
  public init(maximum: Int, imageCount: Int) { (self.maximum, self.imageCount) = (maximum, imageCount) }

  /// Takes faults and returns those not seen before, to be printed.
  ///
  /// Throws exit code 65, naming the first ones, when there are more than `maximum`, or more than half of the pictures are unreadable.
  @discardableResult
  public mutating func record(_ new: [DataFault]) throws -> [DataFault] {
    let fresh = new.filter { known.insert($0).inserted }
    faults += fresh
    let unreadable = faults.count { $0.kind == .unreadableImage }
    if faults.count > maximum || unreadable * 2 > imageCount {
      let head =
        "the training data has \(faults.count == 1 ? "a fault" : "\(faults.count) faults") so far, "
        + (faults.count > maximum
          ? "data.max_faults allows \(maximum); mend the data or raise the limit"
          : "\(unreadable) of its \(imageCount) images are unreadable, which is more than half; mend the data")
        + "; the last ones:"
      throw InputError(.badData, lines: [head] + faults.suffix(3).map { "  \($0)" })
    }
    return fresh
  }
}

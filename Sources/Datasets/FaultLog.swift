import Tensors

/// Something wrong with the training data that one picture or box less can mend.
public struct DataFault: Codable, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of fault.
  public enum Kind: Codable, Hashable, Sendable {
    /// A picture that cannot be read or decoded, or has another size than the annotations say.
    case unreadableImage
    /// A box without width or height.
    case zeroSizeBox
  }

  /// The kind of fault.
  public let kind: Kind
  /// What is wrong and where.
  public let cause: String

  /// The message to print: the cause and what was done about it.
  public var description: String {
    switch kind {
    case .unreadableImage: "\(shown(cause)); dropped, the next image takes its place"
    case .zeroSizeBox: "\(shown(cause)); dropped"
    }
  }
}

/// The faults of the training data that were passed over, each counted once however often it comes round.
public struct FaultLog: Sendable {
  /// How many different faults are bearable.
  public let maximum: Int
  /// The different faults in the order in which they came up.
  public private(set) var faults: [DataFault] = []
  private var known: Set<DataFault> = []

  /// An empty log.
  public init(maximum: Int) { self.maximum = maximum }

  /// Takes faults and returns those not seen before, to be printed.
  ///
  /// Throws exit code 65, naming the first ones, when there are more than `maximum`.
  @discardableResult
  public mutating func record(_ new: [DataFault]) throws -> [DataFault] {
    let fresh = new.filter { known.insert($0).inserted }
    faults += fresh
    if faults.count > maximum {
      let head =
        "the training data has \(faults.count == 1 ? "a fault" : "\(faults.count) faults") so far, data.max_faults allows "
        + "\(maximum); mend the data or raise the limit; the last ones:"
      throw InputError(.badData, lines: [head] + faults.suffix(3).map { "  \($0)" })
    }
    return fresh
  }
}

import Tensors

/// Classes that data must have, with their place for messages.
public struct ExpectedClasses: Codable, Equatable, Sendable {
  /// The classes.
  public let list: ClassList
  /// Whose they are, such as a checkpoint or the training images.
  public let place: String

  /// The classes of a place.
  public init(_ list: ClassList, at place: String) { (self.list, self.place) = (list, place) }

  /// The number of each of these names; throws exit code 65 with both lists for a name that is not among the classes.
  ///
  /// - Parameter data: the file or folder of the names.
  public func numbers(of names: [String], in data: String) throws -> [Int] {
    let numbers = list.numbers
    return try names.map { name in
      if let number = numbers[name] { return number }
      throw mismatch("\(data): class \(name): expected one of the classes of \(place)", names, in: data)
    }
  }

  /// Throws exit code 65 with both lists unless these names are all of the classes and no others, in any order.
  public func requireAll(_ names: [String], in data: String) throws {
    _ = try numbers(of: names, in: data)
    let own = Set(names)
    if let missing = list.names.first(where: { !own.contains($0) }) {
      throw mismatch("\(data): class \(missing): expected as in \(place), got none of that name", names, in: data)
    }
  }

  /// Throws exit code 65 when there are more classes than a model of `classCount` has.
  public func requireClasses(below classCount: Int) throws {
    if list.entries.count > classCount {
      throw InputError(
        .badData,
        "\(place): has \(list.entries.count) classes, the model has \(classCount); set model.classes to \(list.entries.count)"
      )
    }
  }

  private func mismatch(_ message: String, _ names: [String], in data: String) -> InputError {
    InputError(
      .badData,
      lines: [
        "\(message); classes are matched by name", "  \(place): \(Self.text(list.names))",
        "  \(data): \(Self.text(names))", "name them alike, or use what belongs together",
      ])
  }

  /// Names in a row, which ends early where they are very many.
  public static func text(_ names: [String]) -> String {
    let most = 100
    let rest = names.count > most ? ", and \(names.count - most) more" : ""
    return names.prefix(most).joined(separator: ", ") + rest
  }

  /// What to say of classes that evaluated data have none of; empty where they have all.
  public static func remark(missing: [String], of count: Int) -> String {
    if missing.isEmpty { return "" }
    let rest = missing.count > 5 ? ", and \(missing.count - 5) more" : ""
    return
      " of \(count - missing.count) of the \(count) classes (none of \(missing.prefix(5).joined(separator: ", "))\(rest))"
  }
}

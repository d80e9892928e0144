import Foundation
import Tensors

/// The classes of a model or of a data set, in the order of their numbers.
///
/// As JSON it is a list with an object for each number, `{"id":1,"name":"red"}`, or null for a number without a class.
public struct ClassList: Codable, Equatable, Sendable {
  /// One class.
  public struct Entry: Codable, Equatable, Sendable {
    /// The name by which data are matched.
    public let name: String
    /// The identifier of the category in the annotation file, where there is one.
    public let id: Int?

    /// A class of its parts.
    public init(name: String, id: Int? = nil) { (self.name, self.id) = (name, id) }
  }

  /// What each number stands for, nil for nothing.
  public let entries: [Entry?]

  /// The classes of these numbers; what stands behind the last class is cut off.
  public init(_ entries: [Entry?]) {
    self.entries = Array(entries.prefix((entries.lastIndex { $0 != nil } ?? -1) + 1))
  }

  /// Classes with these names, numbered in this order.
  public init(names: [String]) { self.init(names.map { Entry(name: $0) }) }

  /// The names in the order of the numbers.
  public var names: [String] { entries.compactMap { $0?.name } }

  /// The class of a number, nil for one that stands for nothing.
  public subscript(number: Int) -> Entry? { entries.indices.contains(number) ? entries[number] : nil }

  /// What messages call a number.
  public func name(_ number: Int) -> String { self[number]?.name ?? "class \(number)" }

  /// The number of each name.
  var numbers: [String: Int] {
    Dictionary(entries.enumerated().compactMap { number, entry in entry.map { ($0.name, number) } }) { first, _ in first
    }
  }

  /// The classes of numbers below `count`.
  public func prefix(_ count: Int) -> ClassList { ClassList(Array(entries.prefix(count))) }

  /// Whether every number stands for a class of the same name in both, whatever the identifiers.
  public func hasSameNames(as other: ClassList) -> Bool { entries.map { $0?.name } == other.entries.map { $0?.name } }

  /// The list in JSON; equal lists give equal texts.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(entries) else { fatalError("class names that JSON cannot hold: \(names)") }
    return String(decoding: data, as: UTF8.self)
  }

  /// The list of a JSON text, nil where it is none: names must be there and differ.
  public init?(json: String) {
    guard let entries = try? JSONDecoder().decode([Entry?].self, from: Data(json.utf8)) else { return nil }
    self.init(entries)
    if numbers.count != names.count || names.isEmpty { return nil }
  }
}

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
      "\(message); classes are matched by name\n  \(place): \(Self.text(list.names))\n  \(data): \(Self.text(names))\n"
        + "name them alike, or use what belongs together")
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

import Foundation

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

  /// The classes as categories of COCO files, under their ids, or their numbers where they have none.
  public var categories: [COCOCategory] {
    entries.enumerated().compactMap { number, entry in
      entry.map { COCOCategory(id: $0.id ?? number, name: $0.name) }
    }
  }

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
    if numbers.count != names.count { return nil }
  }
}

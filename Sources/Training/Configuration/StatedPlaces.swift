/// Where the keys of a configuration were stated, for messages.
///
/// It does not decide what a run computes, so all are equal.
struct StatedPlaces: Equatable, Sendable {
  /// The file, or what else the values came from.
  private let source: String
  /// The place of each key that was stated.
  private let places: [String: String]

  /// Those of a configuration that nobody wrote down are empty.
  init(source: String = "configuration", _ places: [String: String] = [:]) {
    (self.source, self.places) = (source, places)
  }

  /// Where a key was stated, or that its value is the default.
  subscript(key: String) -> String { places[key] ?? "\(source) (default)" }

  static func == (first: Self, second: Self) -> Bool { true }
}

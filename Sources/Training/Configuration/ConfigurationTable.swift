/// The keys of the whole configuration, and what is known about them by name.
enum ConfigurationTable {
  /// Whether `key` holds other keys.
  static func isSection(_ key: String) -> Bool {
    Configuration.keys.contains { $0.path.hasPrefix(key + ".") }
  }

  /// The error for a key that is neither a value's nor a section's.
  static func unknown(_ key: String, place: String) -> ConfigurationError {
    var parts = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let paths = Configuration.keys.map(\.path)
    // The message is about the first part that is wrong.
    for count in parts.indices {
      let section = parts[..<count].joined(separator: ".")
      let known = names(under: section, paths: paths)
      if known.contains(parts[count]) { continue }
      if paths.contains(section) { return .insideValue(place: place, key: key, value: section) }
      parts.removeSubrange((count + 1)...)
      let wrong = parts.joined(separator: ".")
      if let nearest = nearestName(to: parts[count], among: known) {
        return .unknownKey(
          place: place, key: wrong, nearest: section.isEmpty ? nearest : "\(section).\(nearest)", known: known)
      }
      let elsewhere = paths.first { $0.split(separator: ".").last.map(String.init) == parts[count] }
      return .unknownKey(place: place, key: wrong, nearest: elsewhere, known: known)
    }
    return .unknownKey(place: place, key: key, nearest: nil, known: names(under: key, paths: paths))
  }

  /// The names directly in a section, in the order of the table.
  private static func names(under section: String, paths: [String]) -> [String] {
    var names: [String] = section.isEmpty ? ["base"] : []
    for path in paths where section.isEmpty || path.hasPrefix(section + ".") {
      let rest = section.isEmpty ? Substring(path) : path.dropFirst(section.count + 1)
      let name = String(rest.prefix { $0 != "." })
      if !names.contains(name) { names.append(name) }
    }
    return names
  }
}

// Note [Names on a terminal]
// Names of files, categories and tensors, and values of configurations, come from whoever made them. A terminal obeys
// some of their characters: it would move its cursor, change its title or turn the order of a line. So whatever is shown
// to people (console, log, standard error) shows such characters as `\u{1b}`. The program itself draws its bar with
// control sequences; those are written apart from any text. Text that is for programs (JSON, YAML) has rules of its own.

/// A name as one piece of a line: everything that a terminal obeys, line breaks too, is escaped as `\u{1b}`.
///
/// Other text, also beyond ASCII, stays as it is. See Note [Names on a terminal].
public func shown(_ name: String) -> String { escaped(name, keepsLines: false) }

/// Text of several lines: as `shown`, but line breaks break lines.
public func shownLines(_ text: String) -> String { escaped(text, keepsLines: true) }

private func escaped(_ text: String, keepsLines: Bool) -> String {
  func isShown(_ scalar: Unicode.Scalar) -> Bool { !isObeyed(scalar) || keepsLines && scalar == "\n" }
  if text.unicodeScalars.allSatisfy(isShown) { return text }
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    if isShown(scalar) {
      result.append(scalar)
    } else {
      result += "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars
    }
  }
  return String(result)
}

/// Whether a terminal does something else with a character than show it.
private func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  // C0, with tabulators and line breaks; delete; C1.
  case 0..<0x20, 0x7F..<0xA0: true
  // Marks, embeddings, overrides and isolates that turn the order of what follows.
  case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
  // Line and paragraph separators, and the mark of byte order, which nobody sees.
  case 0x2028, 0x2029, 0xFEFF: true
  default: false
  }
}

import Foundation

/// Numbers as people read them; never dependent on a locale.
public enum NumberText {
  /// A number with so many digits after the point.
  public static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  /// A positive number with three significant digits, such as 0.00123, 1.23, 12.3 or 1234.
  public static func significant(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    let magnitude = Int(log10(abs(value)).rounded(.down))
    return magnitude < -5 ? String(format: "%.2e", value) : fixed(value, max(0, 2 - magnitude))
  }

  /// Seconds as `M:SS`, `H:MM:SS` or `D d HH:MM`; `unknown` when not finite.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e10 else { return "unknown" }
    let whole = Int(seconds.rounded())
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if days > 0 { return "\(days) d \(two(hours)):\(two(minutes))" }
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
  }

  /// A count with a comma after every three digits.
  public static func grouped(_ count: Int) -> String {
    let digits = Array(String(count))
    return digits.enumerated().map { index, digit in
      index > 0 && (digits.count - index) % 3 == 0 ? ",\(digit)" : "\(digit)"
    }.joined()
  }

  /// Lines of cells as columns, two blanks between them; the first `leftColumns` begin at their left, the others end at their
  /// right.
  public static func table(_ lines: [[String]], leftColumns: Int = 0) -> String {
    let columns = lines.first?.indices ?? 0..<0
    let widths = columns.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      columns.map { $0 < leftColumns ? left(line[$0], widths[$0]) : right(line[$0], widths[$0]) }
        .joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// Text filled with blanks on the left to a width.
  public static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// Text filled with blanks on the right to a width.
  public static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

import Tensors

/// Rows and columns of text and numbers on a page.
public struct Table: Sendable {
  /// What one place of a table shows.
  public struct Cell: Sendable {
    /// As it is read.
    public let text: String
    /// All digits of a number, nil for text.
    let value: String?
    /// The length of a bar behind the text, 0...1; nil without one.
    let bar: Double?
    /// How dark the cell is, 0...1; nil where it has the page's colour.
    let shade: Double?

    private init(_ text: String, value: String?, bar: Double? = nil, shade: Double? = nil) {
      (self.text, self.value, self.bar, self.shade) = (text, value, bar, shade)
    }

    /// Words.
    public static func text(_ text: String) -> Cell { Cell(text, value: nil) }

    /// A number with so many digits after the point; a dash where there is none, which is -1 in figures of evaluations.
    public static func figure(_ value: Double?, digits: Int = 3) -> Cell {
      guard let value, value.isFinite, value != -1 else { return Cell("–", value: nil) }
      return Cell(NumberText.fixed(value, digits), value: "\(value)")
    }

    /// A figure of 0...1 with a bar of its length.
    public static func bar(_ value: Double?, digits: Int = 3) -> Cell {
      let plain = figure(value, digits: digits)
      return Cell(plain.text, value: plain.value, bar: plain.value == nil ? nil : value.map { min(max($0, 0), 1) })
    }

    /// A count, the darker the larger its share.
    public static func count(_ count: Int, share: Double? = nil) -> Cell {
      Cell(NumberText.grouped(count), value: "\(count)", shade: share.map { min(max($0, 0), 1) })
    }
  }

  /// Names of the columns.
  public let columns: [String]
  /// The rows, each with as many cells as there are columns.
  public let rows: [[Cell]]
  /// What stands above, empty for nothing.
  public let title: String

  /// A table of its parts.
  public init(_ title: String = "", columns: [String], rows: [[Cell]]) {
    require(rows.allSatisfy { $0.count == columns.count }, "a table of \(columns.count) columns has rows of others")
    (self.title, self.columns, self.rows) = (title, columns, rows)
  }

  /// A table of names and what belongs to them.
  public init(_ title: String = "", pairs: [(name: String, value: String)]) {
    self.init(title, columns: ["", ""], rows: pairs.map { [.text($0.name), .text($0.value)] })
  }
}

extension Table {
  /// How often each class was taken for each; the names are those of rows and columns.
  ///
  /// A row is darkest where most of it lies.
  public static func confusion(_ title: String, names: [String], counts: [[Int]]) -> Table {
    Table(
      title, columns: [""] + names,
      rows: zip(names, counts).map { name, row in
        let sum = max(1, row.reduce(0, +))
        return [.text(name)] + row.map { .count($0, share: Double($0) / Double(sum)) }
      })
  }
}

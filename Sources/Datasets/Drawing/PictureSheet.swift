import Tensors

/// Pictures in rows and columns with words around them, to be drawn as one picture.
///
/// Each picture keeps its shape and fills its cell as far as it can; below it stands its caption, above the columns and left
/// of the rows their names. Words that do not fit are shortened in their middle, a score never. The last row may have fewer
/// pictures than there are columns.
public struct PictureSheet: Sendable {
  /// A picture of the sheet.
  public struct Cell: Sendable {
    /// What is drawn.
    public let picture: RGBImage
    /// What it shows; empty where that goes without saying.
    public let label: String
    /// How sure that is, of 0...1; nil where nobody asks.
    public let score: Float?

    /// A cell of its parts.
    public init(_ picture: RGBImage, label: String = "", score: Float? = nil) {
      (self.picture, self.label, self.score) = (picture, label, score)
    }
  }

  /// Pictures side by side, one for each column.
  public struct Row: Sendable {
    /// What they have in common.
    public let name: String
    /// The pictures.
    public let cells: [Cell]

    /// A row of its parts.
    public init(_ name: String, _ cells: [Cell]) { (self.name, self.cells) = (name, cells) }
  }

  /// The names of the columns.
  public let columns: [String]
  /// The rows.
  public let rows: [Row]
  private let typeface: Typeface
  private let frame: Frame

  /// The most pixels that a sheet should have: as many as a picture that is read may have.
  public static let mostPixels = ImageSizeLimit.pixels

  /// A sheet with at least one row and one column; traps where a row has no cells, or more than there are columns.
  public init(columns: [String], rows: [Row], typeface: Typeface = .ofThisProcess) {
    require(
      !columns.isEmpty && !rows.isEmpty && rows.allSatisfy { (1...columns.count).contains($0.cells.count) },
      "rows of \(rows.map(\.cells.count)) cells in \(columns.count) columns")
    (self.columns, self.rows, self.typeface) = (columns, rows, typeface)
    frame = Frame(
      cell: Self.cellSize(rows.flatMap { $0.cells.map { ($0.picture.width, $0.picture.height) } }),
      columns: columns, names: rows.map(\.name), typeface)
  }

  /// Pixels of the whole sheet.
  public var size: (width: Int, height: Int) { (frame.left(column: columns.count), frame.top(row: rows.count)) }

  /// Pixels of the area of each picture.
  public var cellSize: (width: Int, height: Int) { frame.cell }

  /// The upper left pixel of the area of a picture.
  public func corner(row: Int, column: Int) -> (left: Int, top: Int) {
    (frame.left(column: column), frame.top(row: row))
  }

  /// Pixels of the cells for pictures of these sizes: what holds all of them, made larger in whole steps where words would not
  /// fit below, and smaller where it is very large.
  static func cellSize(_ pictures: [(width: Int, height: Int)]) -> (width: Int, height: Int) {
    let (leastSide, mostSide) = (224, 512)
    let (width, height) = (pictures.map(\.width).max() ?? 1, pictures.map(\.height).max() ?? 1)
    let factor = (leastSide + min(width, height) - 1) / min(width, height)
    let longest = max(width, height) * factor
    if longest <= mostSide { return (width * factor, height * factor) }
    func shrunk(_ side: Int) -> Int { max(leastSide / 2, side * factor * mostSide / longest) }
    return (shrunk(width), shrunk(height))
  }

  /// Where things lie, in pixels of the sheet.
  private struct Frame {
    /// The area of a picture.
    let cell: (width: Int, height: Int)
    /// The em square of letters.
    let textSize: Int
    /// What is free between cells and at the edges.
    let gap: Int
    /// A line of words, with what is free below it.
    let line: Int
    /// The line above the columns; nothing where no column has a name.
    let head: Int
    /// The most that a row's name takes.
    let nameLimit: Int
    /// The names of the rows, with what is free behind them.
    let names: Int

    init(cell: (width: Int, height: Int), columns: [String], names: [String], _ typeface: Typeface) {
      self.cell = cell
      let size = max(13, cell.width / 26)
      (textSize, gap, nameLimit) = (size, size / 2, 10 * size)
      line = TextLine("", typeface, size: size).height + size / 4
      head = columns.allSatisfy(\.isEmpty) ? 0 : line
      let limit = nameLimit
      let widest = names.map { TextLine($0, typeface, size: size, atMost: limit)?.width ?? 0 }.max() ?? 0
      self.names = widest > 0 ? widest + gap : 0
    }

    /// The left edge of a column; of one behind the last it is the width of the sheet.
    func left(column: Int) -> Int { gap + names + column * (cell.width + gap) }
    /// The upper edge of a row; of one behind the last it is the height of the sheet.
    func top(row: Int) -> Int { gap + head + row * (cell.height + line + gap) }
  }

  /// The sheet as a picture, dark words on white.
  public func drawn() -> RGBImage {
    var sheet = RGBImage(width: size.width, height: size.height, .white)
    let cell = frame.cell
    var resampler = Resampler()
    for (column, name) in columns.enumerated() where frame.head > 0 {
      write(name, amid: column, top: frame.gap, on: &sheet)
    }
    for (number, row) in rows.enumerated() {
      let top = frame.top(row: number)
      if let line = TextLine(row.name, typeface, size: frame.textSize, atMost: frame.nameLimit) {
        line.draw(on: &sheet, left: frame.gap, top: top + (cell.height - line.height) / 2, Self.ink)
      }
      for (column, content) in row.cells.enumerated() {
        let picture = content.picture.fitted(into: cell, &resampler)
        sheet.place(
          picture, left: frame.left(column: column) + (cell.width - picture.width) / 2,
          top: top + (cell.height - picture.height) / 2)
        write(
          content.label, ending: content.score.map { " \(twoDigits($0))" } ?? "", amid: column, top: top + cell.height,
          on: &sheet)
      }
    }
    return sheet
  }

  private static let ink = PictureColor(26, 26, 26)

  /// Writes words into the middle of a column's width; `ending` is never shortened.
  private func write(_ words: String, ending: String = "", amid column: Int, top: Int, on sheet: inout RGBImage) {
    let end = TextLine(ending, typeface, size: frame.textSize)
    let start = TextLine(words, typeface, size: frame.textSize, atMost: frame.cell.width - end.width)
    let left = frame.left(column: column) + (frame.cell.width - (start?.width ?? 0) - end.width) / 2
    start?.draw(on: &sheet, left: left, top: top, Self.ink)
    end.draw(on: &sheet, left: left + (start?.width ?? 0), top: top, Self.ink)
  }
}

extension RGBImage {
  /// Copies a picture into this one, in which it must lie.
  fileprivate mutating func place(_ picture: RGBImage, left: Int, top: Int) {
    for y in 0..<picture.height {
      let (from, to) = (y * picture.width * 3, ((top + y) * width + left) * 3)
      pixels.replaceSubrange(to..<to + picture.width * 3, with: picture.pixels[from..<from + picture.width * 3])
    }
  }
}

import Tensors

/// Pictures in rows and columns with words around them, to be drawn as one picture.
///
/// Each picture keeps its shape and fills its cell as far as it can; below it stands its caption, above the columns and left
/// of the rows their names. Words that do not fit are shortened in their middle.
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

    /// The words below the picture, of at most `letters` letters, of which the score keeps its own.
    func caption(letters: Int) -> String {
      guard let score else { return BitmapFont.shortened(label, to: letters) }
      let digits = twoDigits(score)
      return "\(BitmapFont.shortened(label, to: letters - digits.count - 1)) \(digits)"
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
  private let frame: Frame

  /// The most pixels that a sheet should have: as many as a picture that is read may have.
  public static let mostPixels = ImageSizeLimit.pixels
  /// Letters of a row's name that are shown.
  private static let rowLetters = 20

  /// A sheet with at least one row and one column; traps where a row has not a cell for each column.
  public init(columns: [String], rows: [Row]) {
    require(
      !columns.isEmpty && !rows.isEmpty && rows.allSatisfy { $0.cells.count == columns.count },
      "rows of \(rows.map(\.cells.count)) cells in \(columns.count) columns")
    self.columns = columns
    self.rows = rows.map { Row(BitmapFont.shortened($0.name, to: Self.rowLetters), $0.cells) }
    frame = Frame(
      cell: Self.cellSize(rows.flatMap { $0.cells.map { ($0.picture.width, $0.picture.height) } }),
      nameLetters: self.rows.map(\.name.count).max() ?? 0)
  }

  /// Pixels of the whole sheet.
  public var size: (width: Int, height: Int) { (frame.left(column: columns.count), frame.top(row: rows.count)) }

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
    /// A dot of a letter.
    let dot: Int
    /// What is free between cells and at the edges.
    let gap: Int
    /// A line of words, with what is free below it.
    let line: Int
    /// The names of the rows, with what is free behind them.
    let names: Int

    init(cell: (width: Int, height: Int), nameLetters: Int) {
      self.cell = cell
      dot = max(1, cell.width / 112)
      (gap, line) = (4 * dot, (BitmapFont.glyphHeight + 3) * dot)
      names = nameLetters > 0 ? nameLetters * BitmapFont.advance(dot: dot) + gap : 0
    }

    /// The left edge of a column; of one behind the last it is the width of the sheet.
    func left(column: Int) -> Int { gap + names + column * (cell.width + gap) }
    /// The upper edge of a row; of one behind the last it is the height of the sheet.
    func top(row: Int) -> Int { gap + line + row * (cell.height + line + gap) }
    /// Letters that fit into the width of a cell, with one less between neighbours.
    var letters: Int { cell.width / BitmapFont.advance(dot: dot) - 1 }
  }

  /// The sheet as a picture, dark words on white.
  public func drawn() -> RGBImage {
    var sheet = RGBImage(width: size.width, height: size.height, red: 255, green: 255, blue: 255)
    let (cell, dot) = (frame.cell, frame.dot)
    let ink = SIMD3<Float>(repeating: 0.1)
    func write(_ words: String, amid column: Int, top: Int) {
      let free = cell.width - (BitmapFont.width(of: words, dot: dot) - dot)
      sheet.write(words, left: frame.left(column: column) + free / 2, top: top, dot: dot, ink)
    }
    for (column, name) in columns.enumerated() {
      write(BitmapFont.shortened(name, to: frame.letters), amid: column, top: frame.gap)
    }
    var resampler = Resampler()
    for (number, row) in rows.enumerated() {
      let top = frame.top(row: number)
      sheet.write(
        row.name, left: frame.gap, top: top + (cell.height - BitmapFont.glyphHeight * dot) / 2, dot: dot, ink)
      for (column, content) in row.cells.enumerated() {
        let picture = content.picture.fitted(into: cell, &resampler)
        sheet.place(
          picture, left: frame.left(column: column) + (cell.width - picture.width) / 2,
          top: top + (cell.height - picture.height) / 2)
        write(content.caption(letters: frame.letters), amid: column, top: top + cell.height + 2 * dot)
      }
    }
    return sheet
  }
}

extension RGBImage {
  /// The picture in its own shape, as large as the area allows; pixels between its own are bilinear.
  fileprivate func fitted(into area: (width: Int, height: Int), _ resampler: inout Resampler) -> RGBImage {
    if (width, height) == area { return self }
    let scale = min(Double(area.width) / Double(width), Double(area.height) / Double(height))
    func scaled(_ side: Int) -> Int { max(1, Int((Double(side) * scale).rounded())) }
    var result = RGBImage(width: scaled(width), height: scaled(height))
    resampler.resample(
      self, PixelBox(x: 0, y: 0, width: Double(width), height: Double(height)), .bilinear, into: &result)
    return result
  }

  /// Copies a picture into this one, in which it must lie.
  fileprivate mutating func place(_ picture: RGBImage, left: Int, top: Int) {
    for y in 0..<picture.height {
      let (from, to) = (y * picture.width * 3, ((top + y) * width + left) * 3)
      pixels.replaceSubrange(to..<to + picture.width * 3, with: picture.pixels[from..<from + picture.width * 3])
    }
  }
}

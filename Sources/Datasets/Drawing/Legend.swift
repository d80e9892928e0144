import Tensors

/// What the colours of a picture mean, as a strip below it.
struct Legend {
  /// A colour with its meaning.
  struct Entry: Equatable {
    /// What the sample shows; nil for words alone.
    let swatch: Swatch?
    /// What it means.
    let text: String
  }
  /// How a colour looks in the picture.
  enum Swatch: Equatable {
    /// The colour of a class.
    case filled(PictureColor)
    /// The dashes around objects that are not learned from.
    case dashed
    /// The stripes over pixels that do not count.
    case striped
  }

  /// In the order in which they are shown.
  var entries: [Entry] = []

  private static let paper = PictureColor(250, 250, 250)
  private static let ink = PictureColor(20, 20, 20)

  /// The strip for a picture of this width: rows of entries, at most as high as the picture; nil where there is nothing to say,
  /// or nothing to say it with.
  func strip(width: Int, height: Int, style: DrawingStyle, _ typeface: Typeface) -> RGBImage? {
    let (size, margin) = (style.textSize, style.textSize / 2)
    let rowHeight = TextLine("", typeface, size: size).height
    if entries.isEmpty || typeface.isMissing || width < 4 * size { return nil }
    var (placed, left, row): ([(entry: Entry, line: TextLine, left: Int, row: Int)], Int, Int) = ([], margin, 0)
    let rows = max(1, height / (rowHeight + margin))
    for (number, entry) in entries.enumerated() {
      let indent = entry.swatch == nil ? 0 : size + margin
      guard let line = TextLine(entry.text, typeface, size: size, atMost: width - indent - 2 * margin) else { continue }
      if left > margin && left + indent + line.width + margin > width { (left, row) = (margin, row + 1) }
      if row == rows {
        let last = placed.removeLast()
        let rest = "and \(entries.count - number + 1) more"
        if let line = TextLine(rest, typeface, size: size, atMost: width - last.left) {
          placed.append((Entry(swatch: nil, text: rest), line, last.left, last.row))
        }
        break
      }
      placed.append((entry, line, left, row))
      left += indent + line.width + 2 * margin
    }
    guard let last = placed.last else { return nil }
    var strip = RGBImage(width: width, height: (last.row + 1) * (rowHeight + margin) + margin, Self.paper)
    for (entry, line, left, row) in placed {
      let top = margin + row * (rowHeight + margin)
      let sample = PixelArea(left: left, top: top + (rowHeight - size) / 2, width: size, height: size)
      if let swatch = entry.swatch { strip.draw(swatch, in: sample, style) }
      line.draw(on: &strip, left: left + (entry.swatch == nil ? 0 : size + margin), top: top, Self.ink)
    }
    return strip
  }
}

extension RGBImage {
  /// A picture of one colour.
  init(width: Int, height: Int, _ color: PictureColor) {
    self.init(width: width, height: height, red: color.red, green: color.green, blue: color.blue)
  }

  fileprivate mutating func draw(_ swatch: Legend.Swatch, in area: PixelArea, _ style: DrawingStyle) {
    switch swatch {
    case .filled(let color):
      fill(area, .black)
      fill(area.inset(by: 1), color)
    case .dashed: frame(area, dashedIn: style)
    case .striped:
      for y in area.top..<area.bottom {
        for x in area.left..<area.right { stripe(x: x, y: y) }
      }
    }
  }

  /// The picture with the strip of a legend below it.
  func appending(_ legend: Legend, style: DrawingStyle, _ typeface: Typeface) -> RGBImage {
    guard let strip = legend.strip(width: width, height: height, style: style, typeface) else { return self }
    var result = RGBImage(width: width, height: height + strip.height)
    result.pixels = pixels + strip.pixels
    return result
  }
}

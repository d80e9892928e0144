/// Where the labels of boxes stand: each touches its box and lies in the picture, and none covers another.
struct LabelPlacement {
  /// Columns of the picture.
  private let width: Int
  /// Rows of the picture.
  private let height: Int
  /// The boxes, all inside the picture.
  private let boxes: [PixelArea]
  /// The labels placed so far.
  private(set) var labels: [PixelArea] = []
  /// Pixels that they cover.
  private(set) var coveredPixels = 0

  /// A picture of this size with boxes and no labels yet.
  init(width: Int, height: Int, boxes: [PixelArea]) {
    (self.width, self.height, self.boxes) = (width, height, boxes)
  }

  /// Takes the best free place for a label of this size beside a box, given by its number; nil where there is none.
  ///
  /// Best is the one that hides least of the other boxes, then the one that comes first.
  mutating func place(width labelWidth: Int, height labelHeight: Int, box number: Int) -> PixelArea? {
    guard labelWidth <= width && labelHeight <= height else { return nil }
    var best: (label: PixelArea, hidden: Int)?
    for (left, top) in corners(width: labelWidth, height: labelHeight, beside: boxes[number]) {
      let label = PixelArea(left: left, top: top, width: labelWidth, height: labelHeight)
      guard label.isWithin(width: width, height: height), !labels.contains(where: label.overlaps) else { continue }
      let hidden = tenthsHidden(by: label, of: number)
      if hidden < best?.hidden ?? .max { best = (label, hidden) }
      if hidden == 0 { break }
    }
    guard let label = best?.label else { return nil }
    labels.append(label)
    coveredPixels += labelWidth * labelHeight
    return label
  }

  /// How many whole tenths of the boxes a label of one of them hides, of all others together.
  private func tenthsHidden(by label: PixelArea, of number: Int) -> Int {
    var tenths = 0
    for (other, box) in boxes.enumerated() where other != number && label.overlaps(box) {
      tenths += 10 * label.commonPixels(with: box) / (box.width * box.height)
    }
    return tenths
  }

  /// The upper left corners of a label's places around a box, best first: above, inside at the top of large boxes, below, at
  /// the sides, and then everywhere along the four edges.
  private func corners(width: Int, height: Int, beside box: PixelArea) -> [(left: Int, top: Int)] {
    // A label above or below a box may reach beyond its sides where the picture ends.
    func column(_ left: Int) -> Int { min(max(left, 0), self.width - width) }
    func row(_ top: Int) -> Int { min(max(top, 0), self.height - height) }
    let (start, end) = (column(box.left), column(box.right - width))
    let (first, last) = (row(box.top), row(box.bottom - height))
    let isLarge = box.width >= width && box.height >= 3 * height
    var corners = [(start, box.top - height), (end, box.top - height)]
    if isLarge { corners += [(start, first), (end, first)] }
    corners += [(start, box.bottom), (end, box.bottom)]
    corners += [(box.right, first), (box.left - width, first), (box.right, last), (box.left - width, last)]
    if isLarge { corners += [(start, last), (end, last)] }
    for left in stride(from: start, to: max(start, end), by: max(1, width / 2)) {
      corners += [(left, box.top - height), (left, box.bottom)]
    }
    for top in stride(from: first, to: max(first, last), by: height) {
      corners += [(box.right, top), (box.left - width, top)]
    }
    return corners
  }
}

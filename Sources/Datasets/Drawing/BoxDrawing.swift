import Tensors

/// A box to draw, in pixels of the picture.
public struct LabeledBox: Equatable, Sendable {
  /// The corners (x1, y1, x2, y2).
  public var corners: SIMD4<Float>
  /// What it shows.
  public var label: String
  /// The confidence, nil for ground truth.
  public var score: Float?
  /// The class, which chooses the colour.
  public var classNumber: Int
  /// Why nothing is learned from it; nil for an ordinary object.
  public var ignoredBecause: String?

  /// A box of its parts.
  public init(
    corners: SIMD4<Float>, label: String, score: Float? = nil, classNumber: Int, ignoredBecause: String? = nil
  ) {
    (self.corners, self.label, self.score, self.classNumber) = (corners, label, score, classNumber)
    self.ignoredBecause = ignoredBecause
  }

  /// What may stand beside the box, best first: the score goes where there is no room for it.
  var captions: [String] {
    if let ignoredBecause { return ["\(label) (\(ignoredBecause))", label] }
    guard let score else { return [label] }
    return ["\(label) \(twoDigits(score))", label]
  }

  /// The colour of the plate behind the label, and of the frame of an ordinary object.
  var color: PictureColor { ignoredBecause == nil ? ClassColors.color(classNumber) : .grey }
}

extension RGBImage {
  /// The picture with boxes, names and scores, the surest on top, and a legend of the classes below it.
  ///
  /// A small picture is enlarged first, see `DrawingStyle.enlargement`. Labels are placed beside their boxes, the surest first,
  /// so that none covers another, nor much of another box where that can be helped. When they cover a quarter of the picture,
  /// or there is no free place, the others are left out, which the legend says.
  public func drawing(_ boxes: [LabeledBox], typeface: Typeface = .ofThisProcess) -> RGBImage {
    var result = enlargedForDrawing
    let style = DrawingStyle(width: result.width, height: result.height, boxes: boxes.count)
    let scale = Float(result.width) / Float(max(1, width))
    // Ground truth has no scores: smaller boxes lie on larger ones there.
    let drawn = boxes.filter { box in (0..<4).allSatisfy { box.corners[$0].isFinite } }
      .map { (box: $0, area: result.area(of: $0.corners * scale)) }
      .sorted { first, second in
        let (low, high) = (first.box.score ?? 1, second.box.score ?? 1)
        if low != high { return low < high }
        return first.area.width * first.area.height > second.area.width * second.area.height
      }
    for (box, area) in drawn {
      if box.ignoredBecause == nil { result.frame(area, box.color, style) } else { result.frame(area, dashedIn: style) }
    }
    let silent = typeface.isMissing ? 0 : result.label(drawn.reversed(), style, typeface)
    return result.appending(
      .ofBoxes(drawn.map(\.box), withoutLabel: silent), style: style, typeface)
  }

  /// The pixels of a box in this picture; of one beyond the edges the part inside, at least a pixel.
  private func area(of corners: SIMD4<Float>) -> PixelArea {
    let limits = SIMD4(Float(width), Float(height), Float(width), Float(height))
    let inside = corners.clamped(lowerBound: .zero, upperBound: limits)
    let (left, top) = (min(Int(inside[0]), width - 1), min(Int(inside[1]), height - 1))
    return PixelArea(left: left, top: top, right: max(left + 1, Int(inside[2])), bottom: max(top + 1, Int(inside[3])))
  }

  /// Writes the labels of boxes, the first one first, and returns how many found no place.
  private mutating func label(
    _ boxes: [(box: LabeledBox, area: PixelArea)], _ style: DrawingStyle, _ typeface: Typeface
  ) -> Int {
    var placement = LabelPlacement(width: width, height: height, boxes: boxes.map(\.area))
    let padding = max(2, style.textSize / 6)
    var silent = 0
    for (number, (box, _)) in boxes.enumerated() {
      var label: (line: TextLine, plate: PixelArea)?
      for caption in box.captions where label == nil && placement.coveredPixels * 4 < width * height {
        guard let line = TextLine(caption, typeface, size: style.textSize, atMost: width - 2 * padding) else {
          continue
        }
        label = placement.place(width: line.width + 2 * padding, height: line.height, box: number).map { (line, $0) }
      }
      guard let label else {
        silent += 1
        continue
      }
      fill(label.plate, box.color)
      label.line.draw(on: &self, left: label.plate.left + padding, top: label.plate.top, box.color.ink)
    }
    return silent
  }
}

extension Legend {
  /// The classes of boxes in the order of their numbers, each with its count, and what is not learned from.
  static func ofBoxes(_ boxes: [LabeledBox], withoutLabel silent: Int) -> Legend {
    let ordinary = Dictionary(grouping: boxes.filter { $0.ignoredBecause == nil }) { $0.classNumber }
    let ignored = Dictionary(grouping: boxes.compactMap(\.ignoredBecause)) { $0 }
    var legend = Legend(
      entries: ordinary.sorted { $0.key < $1.key }.map { number, boxes in
        Entry(swatch: .filled(ClassColors.color(number)), text: "\(boxes[0].label) (\(boxes.count))")
      })
    legend.entries += ignored.sorted { $0.key < $1.key }.map { reason, boxes in
      Entry(swatch: .dashed, text: "\(reason): not learned from (\(boxes.count))")
    }
    if silent > 0 {
      legend.entries.append(Entry(swatch: nil, text: "no room for \(silent) of \(boxes.count) labels"))
    }
    return legend
  }
}

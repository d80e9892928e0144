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

  /// A box of its parts.
  public init(corners: SIMD4<Float>, label: String, score: Float? = nil, classNumber: Int) {
    (self.corners, self.label, self.score, self.classNumber) = (corners, label, score, classNumber)
  }

  /// The text beside the box: the label and the score with two digits.
  var caption: String {
    guard let score else { return label }
    return "\(label) \(twoDigits(score))"
  }
}

extension RGBImage {
  /// The picture with boxes, names and scores, the surest on top.
  ///
  /// A small picture is enlarged first, so that the text can be read: by the least whole factor that makes its shorter
  /// side at least 320 pixels, unless its longer side would exceed 4096 then.
  public func drawing(_ boxes: [LabeledBox]) -> RGBImage {
    let factor = max(1, min((319 + min(width, height)) / max(1, min(width, height)), 4096 / max(1, width, height)))
    var result = enlarged(by: factor)
    let dot = max(1, min(result.width, result.height) / 220)
    for box in boxes.sorted(by: { $0.score ?? 0 < $1.score ?? 0 }) {
      result.draw(box, at: box.corners * Float(factor), dot: dot)
    }
    return result
  }

  /// Every pixel as a square of `factor` x `factor`.
  func enlarged(by factor: Int) -> RGBImage {
    if factor == 1 { return self }
    var result = RGBImage(width: width * factor, height: height * factor)
    for y in 0..<result.height {
      for x in 0..<result.width {
        let (source, target) = ((y / factor * width + x / factor) * 3, (y * result.width + x) * 3)
        for channel in 0..<3 { result.pixels[target + channel] = pixels[source + channel] }
      }
    }
    return result
  }

  private mutating func draw(_ box: LabeledBox, at corners: SIMD4<Float>, dot: Int) {
    guard (0..<4).allSatisfy({ corners[$0].isFinite }) else { return }
    let bounds = corners.clamped(
      lowerBound: .zero, upperBound: SIMD4(Float(width), Float(height), Float(width), Float(height)))
    let (left, top, right, bottom) = (Int(bounds[0]), Int(bounds[1]), Int(bounds[2]), Int(bounds[3]))
    // Golden-ratio steps keep the hues of neighbouring classes apart.
    let shade = color(hue: Float(box.classNumber) * 0.618_034, saturation: 0.85, value: 1)
    frame(left, top, right, bottom, thickness: 2 * dot + 2, SIMD3(repeating: 0))
    frame(left + 1, top + 1, right - 1, bottom - 1, thickness: 2 * dot, shade)

    let caption = box.caption
    let rise = (BitmapFont.glyphHeight + 3) * dot
    let labelWidth = BitmapFont.width(of: caption, dot: dot) + dot
    let labelLeft = max(0, min(left, width - labelWidth))
    let labelTop = top >= rise ? top - rise : min(top, max(0, height - rise))
    fill(labelLeft, labelTop, labelLeft + labelWidth, labelTop + rise, shade)
    let ink = SIMD3<Float>(repeating: luminance(shade) > 0.5 ? 0 : 1)
    write(caption, left: labelLeft + dot, top: labelTop + dot + dot / 2, dot: dot, ink)
  }

  /// The outline of a rectangle, inside it.
  private mutating func frame(
    _ left: Int, _ top: Int, _ right: Int, _ bottom: Int, thickness: Int, _ color: SIMD3<Float>
  ) {
    fill(left, top, right, min(bottom, top + thickness), color)
    fill(left, max(top, bottom - thickness), right, bottom, color)
    fill(left, top, min(right, left + thickness), bottom, color)
    fill(max(left, right - thickness), top, right, bottom, color)
  }
}

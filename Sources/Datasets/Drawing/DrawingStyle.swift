/// How large letters and lines are, by the size of a picture.
public struct DrawingStyle: Equatable, Sendable {
  /// Pixels of the em square of letters.
  let textSize: Int
  /// Pixels of a line in a class's colour, without its rims.
  let lineWidth: Int
  /// Pixels of the rim on either side of a line.
  let rimWidth: Int

  /// Boxes from which on a picture counts as crowded.
  private static let crowd = 60

  /// The style of a picture of this size; letters, lines and rims are smaller where there are very many boxes.
  init(width: Int, height: Int, boxes: Int = 0) {
    let side = min(width, height)
    let (text, line) = (min(side / 36, 64), min(max(2, side / 240), 12))
    let isCrowded = boxes > Self.crowd
    textSize = max(12, isCrowded ? text * 2 / 3 : text)
    lineWidth = isCrowded ? max(2, line / 2) : line
    rimWidth = isCrowded ? lineWidth / 4 : max(1, lineWidth / 4)
  }

  /// By how much a picture is enlarged so that letters can be read: the least whole factor that makes its shorter side at least
  /// 320 pixels, unless its longer side would exceed 4096 then.
  static func enlargement(width: Int, height: Int) -> Int {
    let side = max(1, min(width, height))
    return max(1, min((319 + side) / side, 4096 / max(1, width, height)))
  }
}

extension RGBImage {
  /// Every pixel as a square, so that letters can be read; see `DrawingStyle.enlargement`.
  var enlargedForDrawing: RGBImage { enlarged(by: DrawingStyle.enlargement(width: width, height: height)) }

  /// Every pixel as a square of `factor` x `factor`.
  private func enlarged(by factor: Int) -> RGBImage {
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

  /// The outline of a rectangle inside it: a line of a colour between rims of its ink, of which one stands out on any ground.
  mutating func frame(_ area: PixelArea, _ color: PictureColor, _ style: DrawingStyle) {
    let ink = color.ink
    outline(area, thickness: style.lineWidth + 2 * style.rimWidth) { _, _ in ink }
    outline(area.inset(by: style.rimWidth), thickness: style.lineWidth) { _, _ in color }
  }

  /// The outline of a rectangle inside it in light and dark dashes, for what is not learned from.
  mutating func frame(_ area: PixelArea, dashedIn style: DrawingStyle) {
    let dash = 4 * style.lineWidth
    outline(area, thickness: style.lineWidth + style.rimWidth) { x, y in
      (x + y) / dash % 2 == 0 ? .white : .black
    }
  }

  private mutating func outline(_ area: PixelArea, thickness: Int, color: (_ x: Int, _ y: Int) -> PictureColor) {
    let inner = area.inset(by: thickness)
    let visible = area.clipped(width: width, height: height)
    for y in visible.top..<visible.bottom {
      let isEdge = y < inner.top || y >= inner.bottom || inner.left >= inner.right
      if isEdge {
        for x in visible.left..<visible.right { set(color(x, y), x: x, y: y) }
      } else {
        for x in visible.left..<min(inner.left, visible.right) { set(color(x, y), x: x, y: y) }
        for x in max(inner.right, visible.left)..<visible.right { set(color(x, y), x: x, y: y) }
      }
    }
  }

  /// Draws a pixel of the stripes over what does not count.
  mutating func stripe(x: Int, y: Int) {
    blend((x + y) / 4 % 2 == 0 ? .white : .black, share: 160, x: x, y: y)
  }
}

import Tensors

extension RGBImage {
  /// The picture with the classes' colours over it, half and half, their borders in full colour, or white around
  /// dark ones, and a legend below it.
  ///
  /// Class 0, the background, is left as it is; void pixels are striped. A small picture is enlarged first, see
  /// `DrawingStyle.enlargement`. Traps unless mask and picture have the same size.
  public func drawing(_ mask: ClassMask, classes: ClassList, typeface: Typeface = .ofThisProcess) -> RGBImage {
    require(mask.width == width && mask.height == height, "a mask of another size than its picture")
    var result = enlargedForDrawing
    let style = DrawingStyle(width: result.width, height: result.height)
    let factor = max(1, result.width / max(1, width))
    let (columns, rows, reach) = (result.width - 1, result.height - 1, max(1, style.lineWidth / 2))
    func number(_ x: Int, _ y: Int) -> UInt8 { mask.classes[y / factor * width + x / factor] }
    for y in 0..<result.height {
      let (above, below) = (max(0, y - reach), min(rows, y + reach))
      for x in 0..<result.width {
        let own = number(x, y)
        if own == ClassMask.void {
          result.stripe(x: x, y: y)
        } else if own != 0 {
          let isInside =
            number(max(0, x - reach), y) == own && number(min(columns, x + reach), y) == own
            && number(x, above) == own && number(x, below) == own
          let color = ClassColors.color(Int(own))
          result.blend(isInside ? color : color.outline, share: isInside ? 128 : 255, x: x, y: y)
        }
      }
    }
    return result.appending(.ofMask(mask, classes), style: style, typeface)
  }
}

extension Legend {
  /// The classes of a mask but the background, in the order of their numbers, with their shares of the pixels.
  fileprivate static func ofMask(_ mask: ClassMask, _ classes: ClassList) -> Legend {
    var counts = [Int](repeating: 0, count: 256)
    for number in mask.classes { counts[Int(number)] += 1 }
    return Legend(
      entries: (1..<256).filter { counts[$0] > 0 }.map { number in
        let percent = Double(counts[number] * 1000 / max(1, mask.classes.count)) / 10
        if number == Int(ClassMask.void) { return Entry(swatch: .striped, text: "void: does not count (\(percent) %)") }
        return Entry(swatch: .filled(ClassColors.color(number)), text: "\(classes.name(number)) (\(percent) %)")
      })
  }
}

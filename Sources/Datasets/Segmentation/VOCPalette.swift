import Tensors

/// The colours that PASCAL VOC's masks have.
enum VOCPalette {
  /// The colour of a class: its bits, three at a time from the lowest, are those of red, green and blue from the highest.
  static func color(_ number: UInt8) -> (red: UInt8, green: UInt8, blue: UInt8) {
    var (rest, color) = (number, (red: UInt8(0), green: UInt8(0), blue: UInt8(0)))
    for place in (0..<8).reversed() {
      color.red |= (rest & 1) << UInt8(place)
      color.green |= (rest >> 1 & 1) << UInt8(place)
      color.blue |= (rest >> 2 & 1) << UInt8(place)
      rest >>= 3
    }
    return color
  }
}

extension RGBImage {
  /// The picture with the colours of a mask over it, half and half; class 0 and void pixels are left as they are.
  ///
  /// Traps unless both have the same size.
  public func drawing(_ mask: ClassMask) -> RGBImage {
    require(mask.width == width && mask.height == height, "a mask of another size than its picture")
    var result = self
    for (pixel, number) in mask.classes.enumerated() where number != 0 && number != ClassMask.void {
      let color = VOCPalette.color(number)
      for (channel, value) in [color.red, color.green, color.blue].enumerated() {
        result.pixels[pixel * 3 + channel] = UInt8((Int(pixels[pixel * 3 + channel]) + Int(value) + 1) / 2)
      }
    }
    return result
  }
}

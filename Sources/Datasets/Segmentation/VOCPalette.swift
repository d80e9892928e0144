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

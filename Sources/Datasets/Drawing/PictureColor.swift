import Glibc

/// A colour of sRGB.
public struct PictureColor: Hashable, Sendable {
  /// Red, 255 for most.
  public let red: UInt8
  /// Green.
  public let green: UInt8
  /// Blue.
  public let blue: UInt8

  /// A colour of its channels.
  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }

  static let black = PictureColor(0, 0, 0)
  static let white = PictureColor(255, 255, 255)
  /// Of objects that are not learned from.
  static let grey = PictureColor(160, 160, 160)

  /// The colour with a share of 255 of it replaced by another.
  func mixed(with other: PictureColor, share: UInt8) -> PictureColor {
    func channel(_ own: UInt8, _ its: UInt8) -> UInt8 {
      let sum: Int = Int(own) * Int(255 - share) + Int(its) * Int(share)
      return UInt8((sum + 127) / 255)
    }
    return PictureColor(channel(red, other.red), channel(green, other.green), channel(blue, other.blue))
  }

  /// The relative luminance of WCAG 2.1: 0 for black, 1 for white.
  public var relativeLuminance: Double {
    func linear(_ channel: UInt8) -> Double {
      let value = Double(channel) / 255
      return value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
  }

  /// The contrast ratio of WCAG 2.1, from 1 to 21; text should have 4.5 at least.
  public func contrast(with other: PictureColor) -> Double {
    let (own, its) = (relativeLuminance, other.relativeLuminance)
    return (max(own, its) + 0.05) / (min(own, its) + 0.05)
  }

  /// Black or white, whichever is read better on this colour: the contrast is never below the root of 21, 4.58.
  var ink: PictureColor {
    contrast(with: .black) >= contrast(with: .white) ? .black : .white
  }

  /// The border of an area of this colour that shows on dark ground too.
  var outline: PictureColor { ink == .white ? .white : self }
}

/// The colours of classes.
///
/// Okabe and Ito's palette ("Color Universal Design", 2008), whose colours people of any colour vision can tell apart, without
/// its black; then the same in light and in dark tones. Numbers beyond these 21 begin anew: names tell them apart.
public enum ClassColors {
  /// Orange, sky blue, bluish green, vermilion, blue, reddish purple, yellow.
  static let hues = [
    PictureColor(230, 159, 0), PictureColor(86, 180, 233), PictureColor(0, 158, 115), PictureColor(213, 94, 0),
    PictureColor(0, 114, 178), PictureColor(204, 121, 167), PictureColor(240, 228, 66),
  ]
  private static let colors =
    hues + hues.map { $0.mixed(with: .white, share: 140) } + hues.map { $0.mixed(with: .black, share: 125) }
  /// How many different colours there are.
  static var count: Int { colors.count }

  /// The colour of a class, the same in every picture; any number has one.
  public static func color(_ number: Int) -> PictureColor {
    let place = number % colors.count
    return colors[place < 0 ? place + colors.count : place]
  }
}

extension RGBImage {
  /// Replaces a share of 255 of a pixel, which must be there.
  mutating func blend(_ color: PictureColor, share: UInt8, x: Int, y: Int) {
    let place = (y * width + x) * 3
    let mixed = PictureColor(pixels[place], pixels[place + 1], pixels[place + 2]).mixed(with: color, share: share)
    (pixels[place], pixels[place + 1], pixels[place + 2]) = (mixed.red, mixed.green, mixed.blue)
  }

  /// Replaces a pixel, which must be there.
  mutating func set(_ color: PictureColor, x: Int, y: Int) {
    let place = (y * width + x) * 3
    (pixels[place], pixels[place + 1], pixels[place + 2]) = (color.red, color.green, color.blue)
  }

  /// A filled rectangle, clipped to the picture.
  mutating func fill(_ area: PixelArea, _ color: PictureColor) {
    let area = area.clipped(width: width, height: height)
    for y in area.top..<area.bottom {
      for x in area.left..<area.right { set(color, x: x, y: y) }
    }
  }
}

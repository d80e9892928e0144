import Foundation
import Tensors

/// Moves of pixels with the nearest neighbour, as Pillow's `transform` and `rotate` make them: 16 binary digits behind
/// the point.
extension RGBImage {
  /// What shows where the picture has moved away.
  static let fill: UInt8 = 128

  /// Shifts row y by `level` * y pixels.
  mutating func shearX(level: Double) { transform((1, level, 0), (0, 1, 0)) }

  /// Turns the picture about its centre, counter-clockwise.
  mutating func rotate(degrees: Double) {
    let angle = -degrees * .pi / 180
    let (sine, cosine) = (sin(angle), cos(angle))
    let (centreX, centreY) = (Double(width) / 2, Double(height) / 2)
    transform(
      (cosine, sine, centreX - cosine * centreX - sine * centreY),
      (-sine, cosine, centreY + sine * centreX - cosine * centreY))
  }

  /// Takes each pixel (x, y) from (a x + b y + c, d x + e y + f), both at the middle of pixels.
  private mutating func transform(_ column: (Double, Double, Double), _ row: (Double, Double, Double)) {
    func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }
    let (a, b) = (fixed(column.0), fixed(column.1))
    let (d, e) = (fixed(row.0), fixed(row.1))
    let firstX = fixed(column.2 + 0.5 * column.0 + 0.5 * column.1)
    let firstY = fixed(row.2 + 0.5 * row.0 + 0.5 * row.1)
    let (width, height) = (width, height)
    let before = pixels
    before.withUnsafeBufferPointer { before in
      pixels.withUnsafeMutableBufferPointer { pixels in
        for y in 0..<height {
          for x in 0..<width {
            let (sourceX, sourceY) = ((firstX + y * b + x * a) >> 16, (firstY + y * e + x * d) >> 16)
            let isInside = sourceX >= 0 && sourceX < width && sourceY >= 0 && sourceY < height
            let (to, from) = (3 * (y * width + x), 3 * (sourceY * width + sourceX))
            for channel in 0..<3 { pixels[to + channel] = isInside ? before[from + channel] : Self.fill }
          }
        }
      }
    }
  }
}

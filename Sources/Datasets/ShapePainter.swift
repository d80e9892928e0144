import Foundation
import Tensors

/// A generated picture and what is in it.
struct ShapePicture {
  var image: RGBImage
  /// The kind, the bounds (x1, y1, x2, y2) and the covered area of each shape.
  var objects: [(kind: ShapeKind, box: SIMD4<Float>, area: Float)]
  /// The number of the kind, from 1, of the pixels that a shape covers; void where it covers a pixel in part.
  var mask: ClassMask
}

extension ShapesSpecification {
  /// Paints picture `number` of a part (0 train, 1 validation): a pure function of the specification.
  func picture(_ number: Int, part: Int) -> ShapePicture {
    var random = RandomSequence(
      Philox(seed: seed, stream: RandomPurpose.stream), UInt32(part), UInt32(number),
      RandomPurpose.generation.rawValue)
    var canvas = Canvas(width: width, height: height)
    let background = canvas.paintBackground(&random)
    let wanted = 1 + Int(random.uniform() * Float(maximumObjects))
    var picture = ShapePicture(
      image: RGBImage(), objects: [],
      mask: ClassMask(width: width, height: height, classes: Array(repeating: 0, count: width * height)))
    for _ in 0..<wanted {
      guard let shape = place(&random, avoiding: picture.objects.map(\.box)) else { continue }
      let color = objectColor(shape.kind, on: background, &random)
      let area = canvas.paint(shape, color, &random, mask: &picture.mask)
      picture.objects.append((shape.kind, shape.box, area))
    }
    picture.image = canvas.image()
    return picture
  }

  /// A shape that lies in the picture and clear of the other boxes, nil when twenty tries find no room.
  private func place(_ random: inout RandomSequence, avoiding others: [SIMD4<Float>]) -> PlacedShape? {
    for _ in 0..<20 {
      let kind = ShapeKind.allCases[Int(random.uniform() * Float(ShapeKind.allCases.count))]
      let largest = min(Float(maximumObjectSize), 0.7 * Float(min(width, height)))
      let size = Float(minimumObjectSize) + (largest - Float(minimumObjectSize)) * random.uniform()
      // Tilted a little: a square on its corner is still a square.
      let angle = (random.uniform() - 0.5) * 0.7
      let (across, down) = (random.uniform(), random.uniform())
      // Built at the origin first, then scaled and moved so that the longer side of its box is `size`.
      let unit = PlacedShape(kind: kind, center: .zero, radius: 1, angle: angle).box
      let radius = size / max(unit[2] - unit[0], unit[3] - unit[1])
      let low = SIMD2(1 - unit[0] * radius, 1 - unit[1] * radius)
      let high = SIMD2(Float(width) - 1 - unit[2] * radius, Float(height) - 1 - unit[3] * radius)
      let shape = PlacedShape(
        kind: kind, center: low + (high - low) * SIMD2(across, down), radius: radius, angle: angle)
      let box = shape.box
      let isClear = others.allSatisfy { other in
        box[2] + 2 < other[0] || other[2] + 2 < box[0] || box[3] + 2 < other[1] || other[3] + 2 < box[1]
      }
      if isClear { return shape }
    }
    return nil
  }

  /// A strong colour, clearly lighter or darker than the background; its hue hints at the kind.
  private func objectColor(
    _ kind: ShapeKind, on background: SIMD3<Float>, _ random: inout RandomSequence
  ) -> SIMD3<Float> {
    let hue = Float(kind.rawValue) / Float(ShapeKind.allCases.count) + (random.uniform() - 0.5) * 2 * hueSpread
    let saturation = 0.75 + 0.25 * random.uniform()
    let isLight = luminance(background) < 0.5
    let value = isLight ? 0.85 + 0.15 * random.uniform() : 0.35 + 0.2 * random.uniform()
    return Datasets.color(hue: hue, saturation: saturation, value: value)
  }
}

/// The brightness of a colour of 0...1.
func luminance(_ color: SIMD3<Float>) -> Float { (color * SIMD3(0.299, 0.587, 0.114)).sum() }

/// The colour of a hue (in turns), a saturation and a value.
func color(hue: Float, saturation: Float, value: Float) -> SIMD3<Float> {
  func channel(_ offset: Float) -> Float {
    var turn = hue + offset
    turn -= turn.rounded(.down)
    return min(max(abs(turn * 6 - 3) - 1, 0), 1)
  }
  let pure = SIMD3(channel(0), channel(2.0 / 3), channel(1.0 / 3))
  return value * (1 - saturation * (1 - pure))
}

/// A picture of colours of 0...1 under construction.
private struct Canvas {
  let width: Int
  let height: Int
  var colors: [SIMD3<Float>]

  init(width: Int, height: Int) {
    (self.width, self.height) = (width, height)
    colors = Array(repeating: .zero, count: width * height)
  }

  /// Covers everything with a dull, textured colour and returns its mean: soft spots, stripes, and grain.
  mutating func paintBackground(_ random: inout RandomSequence) -> SIMD3<Float> {
    let isLight = random.uniform() < 0.5
    let value = isLight ? 0.7 + 0.25 * random.uniform() : 0.12 + 0.25 * random.uniform()
    let base = color(hue: random.uniform(), saturation: 0.25 * random.uniform(), value: value)
    let cell = 12 + Int(random.uniform() * 24)
    let (columns, rows) = (width / cell + 2, height / cell + 2)
    let lattice = (0..<columns * rows).map { _ in random.uniform() - 0.5 }
    let angle = random.uniform() * Float.pi
    let stripe = SIMD2(cos(angle), sin(angle)) * (0.15 + 0.5 * random.uniform())
    let strength = 0.05 * random.uniform()
    for y in 0..<height {
      for x in 0..<width {
        let (column, row) = (x / cell, y / cell)
        let (across, down) = (smooth(x % cell, cell), smooth(y % cell, cell))
        let corner = row * columns + column
        let top = lattice[corner] + (lattice[corner + 1] - lattice[corner]) * across
        let lower = corner + columns
        let bottom = lattice[lower] + (lattice[lower + 1] - lattice[lower]) * across
        let spots = 0.22 * (top + (bottom - top) * down)
        let stripes = strength * sin(Float(x) * stripe.x + Float(y) * stripe.y)
        let grain = 0.06 * (random.uniform() - 0.5)
        colors[y * width + x] = base + (spots + stripes + grain)
      }
    }
    return base
  }

  /// Lays a shape over the picture with smooth edges and over the mask, and returns the area that it covers.
  mutating func paint(
    _ shape: PlacedShape, _ color: SIMD3<Float>, _ random: inout RandomSequence, mask: inout ClassMask
  ) -> Float {
    let box = shape.box
    var area: Float = 0
    for y in max(0, Int(box[1]) - 1)..<min(height, Int(box[3]) + 2) {
      for x in max(0, Int(box[0]) - 1)..<min(width, Int(box[2]) + 2) {
        let covered = shape.coverage(at: SIMD2(Float(x) + 0.5, Float(y) + 0.5))
        if covered == 0 { continue }
        area += covered
        mask.classes[y * width + x] = covered < 1 ? ClassMask.void : UInt8(shape.kind.categoryID)
        // Lit from above, with a little grain.
        let light = 0.08 * (shape.center.y - Float(y)) / shape.radius + 0.05 * (random.uniform() - 0.5)
        colors[y * width + x] += (color + light - colors[y * width + x]) * covered
      }
    }
    return area
  }

  private func smooth(_ position: Int, _ cell: Int) -> Float {
    let share = Float(position) / Float(cell)
    return share * share * (3 - 2 * share)
  }

  func image() -> RGBImage {
    var image = RGBImage(width: width, height: height)
    for (pixel, color) in colors.enumerated() {
      let bytes = (color.clamped(lowerBound: .zero, upperBound: .one) * 255).rounded(.toNearestOrEven)
      for channel in 0..<3 { image.pixels[pixel * 3 + channel] = UInt8(bytes[channel]) }
    }
    return image
  }
}

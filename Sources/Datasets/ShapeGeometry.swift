import Foundation

/// The classes of the generated data set; the identifier of category `circle` is 1, and so on.
public enum ShapeKind: Int, CaseIterable, Sendable {
  case circle, square, triangle, star, cross

  /// The name of the category.
  public var name: String {
    switch self {
    case .circle: "circle"
    case .square: "square"
    case .triangle: "triangle"
    case .star: "star"
    case .cross: "cross"
    }
  }

  /// The identifier of the category, from 1.
  public var categoryID: Int { rawValue + 1 }

  /// The corners in a circle of radius 1 around the origin, in order round the shape; none for a circle.
  var corners: [SIMD2<Float>] {
    switch self {
    case .circle: []
    case .square: ring([1, 1, 1, 1], from: .pi / 4)
    case .triangle: ring([1, 1, 1], from: -.pi / 2)
    case .star: ring([1, 0.42, 1, 0.42, 1, 0.42, 1, 0.42, 1, 0.42], from: -.pi / 2)
    case .cross:
      [(-1, 3), (1, 3), (1, 1), (3, 1), (3, -1), (1, -1), (1, -3), (-1, -3), (-1, -1), (-3, -1), (-3, 1), (-1, 1)].map {
        SIMD2(Float($0.0), Float($0.1)) / Float(10).squareRoot()
      }
    }
  }

  private func ring(_ radii: [Float], from start: Float) -> [SIMD2<Float>] {
    radii.enumerated().map { number, radius in
      let angle = start + 2 * .pi * Float(number) / Float(radii.count)
      return radius * SIMD2(cos(angle), sin(angle))
    }
  }
}

/// A shape at its place in a picture.
struct PlacedShape {
  let kind: ShapeKind
  let center: SIMD2<Float>
  let radius: Float
  private let corners: [SIMD2<Float>]

  init(kind: ShapeKind, center: SIMD2<Float>, radius: Float, angle: Float) {
    (self.kind, self.center, self.radius) = (kind, center, radius)
    let (cosine, sine) = (cos(angle), sin(angle))
    corners = kind.corners.map { corner in
      center + radius * SIMD2(corner.x * cosine - corner.y * sine, corner.x * sine + corner.y * cosine)
    }
  }

  /// The exact bounds (x1, y1, x2, y2).
  var box: SIMD4<Float> {
    guard let first = corners.first else {
      return SIMD4(center.x - radius, center.y - radius, center.x + radius, center.y + radius)
    }
    var (low, high) = (first, first)
    for corner in corners {
      low = pointwiseMin(low, corner)
      high = pointwiseMax(high, corner)
    }
    return SIMD4(low.x, low.y, high.x, high.y)
  }

  /// The share of the pixel around `point` that the shape covers, by its distance from the edge.
  func coverage(at point: SIMD2<Float>) -> Float { min(max(0.5 - signedDistance(point), 0), 1) }

  /// The distance from the edge, negative inside.
  private func signedDistance(_ point: SIMD2<Float>) -> Float {
    func length(_ vector: SIMD2<Float>) -> Float { (vector * vector).sum().squareRoot() }
    if corners.isEmpty { return length(point - center) - radius }
    var nearest = Float.infinity
    var isInside = false
    var previous = corners[corners.count - 1]
    for corner in corners {
      let edge = corner - previous
      let offset = point - previous
      let share = min(max((offset * edge).sum() / (edge * edge).sum(), 0), 1)
      nearest = min(nearest, length(offset - share * edge))
      // Even-odd rule: a ray to the right crosses the edge.
      if (corner.y > point.y) != (previous.y > point.y),
        point.x < previous.x + edge.x * (point.y - previous.y) / edge.y
      {
        isInside.toggle()
      }
      previous = corner
    }
    return isInside ? -nearest : nearest
  }
}

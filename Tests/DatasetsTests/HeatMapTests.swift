import Testing

@testable import Datasets

/// Oracles: the colours of jet at eighths by hand, and interpolation as a sum over all cells.
@Suite struct HeatMapTests {
  @Test("jet goes from dark blue to dark red, in eighths")
  func jet() {
    let colors: [SIMD3<Float>] = [
      SIMD3(0, 0, 0.5), SIMD3(0, 0, 1), SIMD3(0, 0.5, 1), SIMD3(0, 1, 1), SIMD3(0.5, 1, 0.5), SIMD3(1, 1, 0),
      SIMD3(1, 0.5, 0), SIMD3(1, 0, 0), SIMD3(0.5, 0, 0),
    ]
    for (eighth, color) in colors.enumerated() { #expect(jetColor(Float(eighth) / 8) == color, "\(eighth) eighths") }
  }

  /// Each result is the sum over all cells of their number times a tent around their centre; beyond the outermost centres the
  /// place is that of the centre.
  private func naive(_ map: HeatMap, height: Int, width: Int) -> [Double] {
    func centre(_ place: Int, _ count: Int, _ size: Int) -> Double {
      min(max((Double(place) + 0.5) * Double(size) / Double(count) - 0.5, 0), Double(size - 1))
    }
    return (0..<height * width).map { place in
      let y = centre(place / width, height, map.height)
      let x = centre(place % width, width, map.width)
      return map.values.enumerated().reduce(0) { sum, cell in
        let (row, column) = (Double(cell.offset / map.width), Double(cell.offset % map.width))
        return sum + Double(cell.element) * max(0, 1 - abs(y - row)) * max(0, 1 - abs(x - column))
      }
    }
  }

  @Test(
    "numbers between the cells are bilinear, whatever the sizes",
    arguments: [
      (7, 7, 224, 224), (3, 5, 96, 160), (1, 1, 5, 3), (2, 1, 9, 4), (4, 6, 4, 6), (5, 8, 3, 2), (2, 3, 7, 11),
    ])
  func bilinear(height: Int, width: Int, rows: Int, columns: Int) {
    // Neither even nor smooth, of both signs.
    let values = (0..<height * width).map { Float(($0 * 37 + 11) % 23) - 9.5 }
    let map = HeatMap(height: height, width: width, values: values)
    let resized = map.resized(height: rows, width: columns)
    #expect(resized.height == rows && resized.width == columns)
    let worst = zip(resized.values, naive(map, height: rows, width: columns)).map { abs(Double($0) - $1) }.max()
    #expect((worst ?? 1) < 1e-4)
    if (height, width) == (rows, columns) { #expect(resized == map) }
  }

  @Test("a map spreads over 0 to 1, and one of equal numbers is 0")
  func normalized() {
    #expect(HeatMap(height: 1, width: 4, values: [-2, 6, 0, 2]).normalized.values == [0, 1, 0.25, 0.5])
    #expect(HeatMap(height: 2, width: 1, values: [3, 3]).normalized.values == [0, 0])
    let most = Float.greatestFiniteMagnitude
    #expect(HeatMap(height: 1, width: 3, values: [-most, 0, most]).normalized.values == [0, 0.5, 1])
  }

  @Test("half of a pixel is the picture's and half the map's colour, from its smallest to its largest number")
  func overlaid() {
    var picture = RGBImage(width: 4, height: 1)
    picture.pixels = [0, 0, 0, 255, 255, 255, 10, 20, 30, 200, 100, 0]
    // At the picture's size 0, 4, 12 and 16: dark blue, cyan at a quarter, orange at three, dark red.
    let overlaid = picture.overlaid(with: HeatMap(height: 1, width: 2, values: [0, 16]))
    #expect(overlaid.pixels == [0, 0, 64, 128, 191, 255, 133, 74, 15, 164, 50, 0])
    #expect(overlaid.width == 4 && overlaid.height == 1)
  }
}

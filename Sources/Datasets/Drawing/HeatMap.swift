import Tensors

/// Numbers over the area of a picture, to be laid over it as colours.
public struct HeatMap: Equatable, Sendable {
  /// Rows.
  public let height: Int
  /// Columns.
  public let width: Int
  /// The numbers, row by row from the top.
  public let values: [Float]

  /// A map of its numbers, row by row; traps where they do not fill it.
  public init(height: Int, width: Int, values: [Float]) {
    require(
      height > 0 && width > 0 && values.count == height * width, "\(values.count) numbers of a \(height)x\(width) map")
    (self.height, self.width, self.values) = (height, width, values)
  }

  /// The map with other numbers of rows and columns, bilinear between the centres of its cells.
  ///
  /// Corners are not aligned, as with `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`: row y of H has
  /// its centre at (y + 1/2) h / H - 1/2 among the h rows of this map, and outside of the outermost centres nothing changes.
  public func resized(height: Int, width: Int) -> HeatMap {
    let (rows, columns) = (CentredAxis(self.height, to: height), CentredAxis(self.width, to: width))
    var result = [Float]()
    result.reserveCapacity(height * width)
    for row in rows.taps {
      let (above, below) = (row.first * self.width, row.second * self.width)
      for column in columns.taps {
        let top = mix(values[above + column.first], values[above + column.second], column.share)
        let bottom = mix(values[below + column.first], values[below + column.second], column.share)
        result.append(mix(top, bottom, row.share))
      }
    }
    return HeatMap(height: height, width: width, values: result)
  }

  /// The map with its smallest number as 0 and its largest as 1; zeros where all are equal.
  public var normalized: HeatMap {
    guard let least = values.min(), let most = values.max(), most > least else {
      return HeatMap(height: height, width: width, values: values.map { _ in 0 })
    }
    // The range of two floats need not be one.
    let range = Double(most) - Double(least)
    return HeatMap(
      height: height, width: width, values: values.map { Float((Double($0) - Double(least)) / range) })
  }
}

/// The places of an axis among those of another over the same length, by their centres.
private struct CentredAxis {
  /// The places before and behind each one, and the share of the latter.
  let taps: [(first: Int, second: Int, share: Float)]

  init(_ size: Int, to count: Int) {
    let scale = Float(size) / Float(count)
    taps = (0..<count).map { place in
      let centre = max(0, (Float(place) + 0.5) * scale - 0.5)
      let first = min(size - 1, Int(centre))
      return (first, min(size - 1, first + 1), centre - Float(first))
    }
  }
}

private func mix(_ first: Float, _ second: Float, _ share: Float) -> Float { first * (1 - share) + second * share }

/// The jet colour of a number of 0...1: red, green and blue of 0...1, from dark blue over cyan, yellow and red to dark red.
///
/// Piecewise linear, each channel min(1, 3/2 - |4 v - k|) and at least 0, with k = 3, 2, 1, as MATLAB's.
public func jetColor(_ value: Float) -> SIMD3<Float> {
  let distance = SIMD3(repeating: 4 * value) - SIMD3(3, 2, 1)
  let height = SIMD3(repeating: 1.5) - distance.replacing(with: -distance, where: distance .< 0)
  return height.clamped(lowerBound: .zero, upperBound: .one)
}

extension RGBImage {
  /// The picture with a map over it in jet colours, each of the two by half.
  ///
  /// The map is brought to the picture's size and then to 0...1 by its own smallest and largest number.
  public func overlaid(with map: HeatMap) -> RGBImage {
    let map = map.resized(height: height, width: width).normalized
    var result = self
    for (place, value) in map.values.enumerated() {
      let color = 255 * jetColor(value)
      for channel in 0..<3 {
        let byte = Float(pixels[place * 3 + channel])
        result.pixels[place * 3 + channel] = UInt8(((byte + color[channel]) / 2).rounded())
      }
    }
    return result
  }
}

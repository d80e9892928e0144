import Tensors

/// How the pixels around a place are weighed when a picture is resized: Pillow's filters, which widen with the factor where
/// a picture gets smaller, so that no stored pixel is skipped.
public enum ResamplingFilter: Sendable {
  /// A triangle, one pixel to either side.
  case bilinear
  /// Keys' cubic with a = -1/2, two pixels to either side.
  case bicubic

  /// Pixels to either side that count where a picture keeps its size.
  fileprivate var support: Double {
    switch self {
    case .bilinear: 1
    case .bicubic: 2
    }
  }

  /// The weight at a distance in pixels, before the sum is made 1.
  fileprivate func weight(at distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .bilinear: return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    }
  }
}

/// One axis of a resampling: which source pixels an output pixel is the weighted sum of.
struct ResamplingAxis: Sendable {
  /// Binary digits behind the point of a weight.
  static let weightBits: Int32 = 22

  /// The first source pixel of each output pixel.
  private(set) var first: [Int32] = []
  /// The number of source pixels of each output pixel.
  private(set) var count: [Int32] = []
  /// `stride` weights for each output pixel, of which `count` are used.
  private(set) var weights: [Int32] = []
  /// Room for the weights of an output pixel.
  private(set) var stride = 0

  /// Source pixels that any output pixel looks at.
  var sources: Range<Int> {
    guard let low = first.first, let start = first.last, let length = count.last else { return 0..<0 }
    return Int(low)..<Int(start + length)
  }

  /// Sets the axis up for `size` output pixels from the interval `low` to `high` of the source's axis.
  ///
  /// Only pixels that touch the interval count, as if they had been cut out before. Arithmetic and rounding are those of
  /// Pillow's `Resample.c` for 8-bit pictures.
  mutating func prepare(_ filter: ResamplingFilter, from low: Double, to high: Double, size: Int) {
    let origin = low.rounded(.down)
    let extent = Int(high.rounded(.up) - origin)
    let scale = (high - low) / Double(size)
    let widening = max(scale, 1)
    let support = filter.support * widening
    stride = Int(support.rounded(.up)) * 2 + 1
    first = [Int32](repeating: 0, count: size)
    count = [Int32](repeating: 0, count: size)
    weights = [Int32](repeating: 0, count: size * stride)
    var values = [Double](repeating: 0, count: stride)
    for place in 0..<size {
      let centre = low - origin + (Double(place) + 0.5) * scale
      let start = max(0, Int(centre - support + 0.5))
      let end = min(extent, Int(centre + support + 0.5))
      var sum = 0.0
      for tap in 0..<end - start {
        let weight = filter.weight(at: (Double(tap + start) - centre + 0.5) * (1 / widening))
        values[tap] = weight
        sum += weight
      }
      first[place] = Int32(Int(origin) + start)
      count[place] = Int32(end - start)
      for tap in 0..<end - start {
        let scaled = (sum == 0 ? values[tap] : values[tap] / sum) * Double(1 << Self.weightBits)
        weights[place * stride + tap] = Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
      }
    }
  }
}

/// A rectangle of a picture in pixels, whose edges may cut pixels.
struct PixelBox: Equatable {
  var x: Double
  var y: Double
  var width: Double
  var height: Double
}

/// Resizes rectangles of pictures as Pillow does: first every row, then every column, 8 bits between them.
///
/// Pillow 13 takes the columns of some tall pictures first, whose values then differ by one level at most.
///
/// One resampler serves one thread; its memory is used again.
struct Resampler: Sendable {
  private var horizontal = ResamplingAxis()
  private var vertical = ResamplingAxis()
  /// A row of source pixels, with a byte more for the fourth lane of the last one.
  private var line: [UInt8] = []
  /// The rows that count, each as wide as the result.
  private var rows: [UInt8] = []

  /// Resizes `box` of `source`, which must lie inside it, to the size that `output` has.
  mutating func resample(_ source: RGBImage, _ box: PixelBox, _ filter: ResamplingFilter, into output: inout RGBImage) {
    let (width, height) = (output.width, output.height)
    require(
      box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0 && box.x + box.width <= Double(source.width)
        && box.y + box.height <= Double(source.height),
      "\(box) is not inside a picture of \(source.width)x\(source.height)")
    horizontal.prepare(filter, from: box.x, to: box.x + box.width, size: width)
    vertical.prepare(filter, from: box.y, to: box.y + box.height, size: height)
    let (columns, lines) = (horizontal.sources, vertical.sources)
    Self.grow(&line, to: columns.count * 3 + 1)
    // Sixteen bytes are taken at once.
    Self.grow(&rows, to: lines.count * width * 3 + 16)
    source.pixels.withUnsafeBufferPointer { pixels in
      line.withUnsafeMutableBufferPointer { line in
        rows.withUnsafeMutableBufferPointer { rows in
          guard let pixels = pixels.baseAddress, let line = line.baseAddress, let rows = rows.baseAddress else {
            return
          }
          for (index, y) in lines.enumerated() {
            line.update(from: pixels + (y * source.width + columns.lowerBound) * 3, count: columns.count * 3)
            resampleRow(line, horizontal, start: columns.lowerBound, into: rows + index * width * 3)
          }
        }
      }
    }
    rows.withUnsafeBufferPointer { rows in
      output.pixels.withUnsafeMutableBufferPointer { pixels in
        guard let rows = rows.baseAddress, let pixels = pixels.baseAddress else { return }
        resampleColumns(rows, vertical, start: lines.lowerBound, rowBytes: width * 3, into: pixels)
      }
    }
  }

  private static func grow(_ bytes: inout [UInt8], to count: Int) {
    if bytes.count < count { bytes = [UInt8](repeating: 0, count: count) }
  }
}

extension RGBImage {
  /// The picture with its longer side at most `side` pixels, as Pillow reduces with its bilinear filter.
  public func reduced(toSide side: Int) -> RGBImage {
    if max(width, height) <= side { return self }
    var resampler = Resampler()
    return fitted(into: (side, side), &resampler)
  }

  /// The picture in its own shape, as large as the area allows; pixels between its own are bilinear.
  func fitted(into area: (width: Int, height: Int), _ resampler: inout Resampler) -> RGBImage {
    if (width, height) == area { return self }
    let scale = min(Double(area.width) / Double(width), Double(area.height) / Double(height))
    func scaled(_ side: Int) -> Int { max(1, Int((Double(side) * scale).rounded())) }
    var result = RGBImage(width: scaled(width), height: scaled(height))
    resampler.resample(
      self, PixelBox(x: 0, y: 0, width: Double(width), height: Double(height)), .bilinear, into: &result)
    return result
  }
}

private let half = Int32(1) << (ResamplingAxis.weightBits - 1)

/// Makes one row of the result's width from the pixels `line`, which begin with the picture's column `start`.
private func resampleRow(
  _ line: UnsafePointer<UInt8>, _ axis: ResamplingAxis, start: Int, into output: UnsafeMutablePointer<UInt8>
) {
  let bytes = UnsafeRawPointer(line)
  axis.first.withUnsafeBufferPointer { first in
    axis.count.withUnsafeBufferPointer { count in
      axis.weights.withUnsafeBufferPointer { weights in
        for place in 0..<first.count {
          var sum = SIMD4<Int32>(repeating: half)
          let (source, row) = (bytes + (Int(first[place]) - start) * 3, place * axis.stride)
          for tap in 0..<Int(count[place]) {
            let pixel = source.loadUnaligned(fromByteOffset: tap * 3, as: SIMD4<UInt8>.self)
            sum &+= SIMD4<Int32>(truncatingIfNeeded: pixel) &* weights[row + tap]
          }
          let value = clipped(sum)
          output[place * 3] = value[0]
          output[place * 3 + 1] = value[1]
          output[place * 3 + 2] = value[2]
        }
      }
    }
  }
}

/// Makes the rows of the result from `rows`, which begin with the picture's row `start`.
private func resampleColumns(
  _ rows: UnsafePointer<UInt8>, _ axis: ResamplingAxis, start: Int, rowBytes: Int,
  into output: UnsafeMutablePointer<UInt8>
) {
  let bytes = UnsafeRawPointer(rows)
  axis.weights.withUnsafeBufferPointer { weights in
    for place in 0..<axis.first.count {
      let (top, count) = ((Int(axis.first[place]) - start) * rowBytes, Int(axis.count[place]))
      let row = UnsafeMutableRawPointer(output + place * rowBytes)
      for x in stride(from: 0, to: rowBytes, by: 16) {
        var sum = SIMD16<Int32>(repeating: half)
        for tap in 0..<count {
          let pixels = bytes.loadUnaligned(fromByteOffset: top + tap * rowBytes + x, as: SIMD16<UInt8>.self)
          sum &+= SIMD16<Int32>(truncatingIfNeeded: pixels) &* weights[place * axis.stride + tap]
        }
        let shifted = (sum &>> ResamplingAxis.weightBits).clamped(lowerBound: .zero, upperBound: .init(repeating: 255))
        let values = SIMD16<UInt8>(truncatingIfNeeded: shifted)
        if x + 16 <= rowBytes {
          row.storeBytes(of: values, toByteOffset: x, as: SIMD16<UInt8>.self)
        } else {
          for lane in 0..<rowBytes - x { row.storeBytes(of: values[lane], toByteOffset: x + lane, as: UInt8.self) }
        }
      }
    }
  }
}

@inline(__always)
private func clipped(_ sum: SIMD4<Int32>) -> SIMD4<UInt8> {
  let shifted = (sum &>> ResamplingAxis.weightBits).clamped(lowerBound: .zero, upperBound: SIMD4(repeating: 255))
  return SIMD4<UInt8>(truncatingIfNeeded: shifted)
}

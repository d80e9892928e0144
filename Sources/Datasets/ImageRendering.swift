import Tensors

/// Which point of a pixel its coordinates mean when a picture is resized.
enum BilinearSampling {
  /// Output x looks at x * in / out: TensorFlow 1's `resize_bilinear` without aligned corners.
  case pixelCorners
  /// Output x looks at (x + 0.5) * in / out - 0.5, not below 0: PyTorch's `interpolate` without aligned corners.
  case pixelCentres

  /// The two source positions and the weight of the second, for one output position.
  func taps(_ position: Int, input: Int, output: Int) -> (first: Int, second: Int, weight: Float) {
    let scale = Float(input) / Float(output)
    let source: Float
    switch self {
    case .pixelCorners: source = Float(position) * scale
    case .pixelCentres: source = max(0, scale * (Float(position) + 0.5) - 0.5)
    }
    let first = min(Int(source), input - 1)
    return (first, min(first + 1, input - 1), min(source - Float(first), 1))
  }
}

/// The working memory of one thread that renders pictures.
public struct RenderScratch: Sendable {
  /// Byte offsets into a source row of the left and right pixel of each output column.
  fileprivate var left: [Int32] = []
  fileprivate var right: [Int32] = []
  fileprivate var weight: [Float] = []
  /// Two source rows after the horizontal pass, three planes each.
  fileprivate var rows: [Float] = []

  /// Scratch that grows on first use.
  public init() {}
}

extension ImageTransform {
  /// Writes a picture as normalised planes (3, canvas height, canvas width), red first, zeros where there is no picture.
  ///
  /// Flip, resize, crop, normalisation and padding are one pass over the output rows; the resize comes before the
  /// normalisation, which differs from the other order by rounding only. Traps when sizes do not fit.
  public func render(
    _ image: RGBImage, _ placement: Placement, into output: UnsafeMutableBufferPointer<Float>,
    scratch: inout RenderScratch
  ) {
    let (width, height) = (placement.canvasWidth, placement.canvasHeight)
    require(
      image.width == placement.sourceWidth && image.height == placement.sourceHeight,
      "a placement for \(placement.sourceWidth)x\(placement.sourceHeight) of a \(image.width)x\(image.height) picture")
    require(output.count == 3 * width * height, "\(output.count) elements for 3x\(height)x\(width)")
    let (visibleWidth, visibleHeight) = (placement.visibleWidth, placement.visibleHeight)
    prepareColumns(placement, &scratch)
    let factor = 1 / (255 * deviation)
    let shift = -mean / deviation
    guard let base = output.baseAddress else { return }
    let sampling = sampling

    image.pixels.withUnsafeBufferPointer { source in
      scratch.withPointers { left, right, weight, rows in
        // Which source row each half of `rows` holds.
        var held = SIMD2(-1, -1)
        func slot(_ row: Int, keeping other: Int) -> Int {
          if held[0] == row { return 0 }
          if held[1] == row { return 1 }
          let slot = held[0] == other ? 1 : 0
          held[slot] = row
          resizeRow(
            source.baseAddress! + row * image.width * 3, left, right, weight, count: visibleWidth,
            into: rows + slot * 3 * visibleWidth)
          return slot
        }
        for y in 0..<visibleHeight {
          let taps = sampling.taps(y + placement.cropY, input: image.height, output: placement.resizedHeight)
          let upper = slot(taps.first, keeping: taps.second)
          let lower = slot(taps.second, keeping: taps.first)
          for channel in 0..<3 {
            let row = base + (channel * height + y) * width
            blendRows(
              rows + (upper * 3 + channel) * visibleWidth, rows + (lower * 3 + channel) * visibleWidth, taps.weight,
              factor[channel], shift[channel], count: visibleWidth, into: row)
            (row + visibleWidth).update(repeating: 0, count: width - visibleWidth)
          }
        }
      }
    }
    for channel in 0..<3 {
      (base + (channel * height + visibleHeight) * width).update(repeating: 0, count: (height - visibleHeight) * width)
    }
  }

  /// Fills the tables of the horizontal pass; a flip turns into other source columns.
  private func prepareColumns(_ placement: Placement, _ scratch: inout RenderScratch) {
    let count = placement.visibleWidth
    scratch.grow(to: count)
    for x in 0..<count {
      let taps = sampling.taps(x + placement.cropX, input: placement.sourceWidth, output: placement.resizedWidth)
      let last = placement.sourceWidth - 1
      scratch.left[x] = Int32(3 * (placement.isFlipped ? last - taps.first : taps.first))
      scratch.right[x] = Int32(3 * (placement.isFlipped ? last - taps.second : taps.second))
      scratch.weight[x] = taps.weight
    }
  }
}

extension RenderScratch {
  fileprivate mutating func grow(to count: Int) {
    if weight.count >= count { return }
    left = [Int32](repeating: 0, count: count)
    right = [Int32](repeating: 0, count: count)
    weight = [Float](repeating: 0, count: count)
    rows = [Float](repeating: 0, count: 6 * count)
  }

  fileprivate mutating func withPointers(
    _ body: (
      UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<Float>, UnsafeMutablePointer<Float>
    ) -> Void
  ) {
    left.withUnsafeBufferPointer { left in
      right.withUnsafeBufferPointer { right in
        weight.withUnsafeBufferPointer { weight in
          rows.withUnsafeMutableBufferPointer { rows in
            guard let left = left.baseAddress, let right = right.baseAddress, let weight = weight.baseAddress,
              let rows = rows.baseAddress
            else { return }
            body(left, right, weight, rows)
          }
        }
      }
    }
  }
}

/// Interpolates one source row to `count` columns, as three planes of 0...255.
private func resizeRow(
  _ source: UnsafePointer<UInt8>, _ left: UnsafePointer<Int32>, _ right: UnsafePointer<Int32>,
  _ weight: UnsafePointer<Float>, count: Int, into planes: UnsafeMutablePointer<Float>
) {
  let (red, green, blue) = (planes, planes + count, planes + 2 * count)
  for x in 0..<count {
    let (first, second) = (source + Int(left[x]), source + Int(right[x]))
    let share = weight[x]
    let (r, g, b) = (Float(first[0]), Float(first[1]), Float(first[2]))
    red[x] = r + (Float(second[0]) - r) * share
    green[x] = g + (Float(second[1]) - g) * share
    blue[x] = b + (Float(second[2]) - b) * share
  }
}

/// Interpolates between two rows and normalises.
private func blendRows(
  _ upper: UnsafePointer<Float>, _ lower: UnsafePointer<Float>, _ weight: Float, _ factor: Float, _ shift: Float,
  count: Int, into output: UnsafeMutablePointer<Float>
) {
  for x in 0..<count {
    let value = upper[x] + (lower[x] - upper[x]) * weight
    output[x] = value * factor + shift
  }
}

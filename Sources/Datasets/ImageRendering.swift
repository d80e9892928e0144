import Tensors

/// The working memory of one thread that renders pictures.
public struct RenderScratch: Sendable {
  /// What each visible column looks at.
  fileprivate var columns: [ResizeTap] = []
  /// Two source rows after the horizontal pass, three planes each, and one before it.
  fileprivate var rows: [Float] = []

  /// Scratch that grows on first use.
  public init() {}
}

extension ImageTransform {
  /// Writes a picture as normalised planes (3, canvas height, canvas width), red first, zeros where there is no picture.
  ///
  /// `image` is the stored picture, decoded with `reduction`. Flip, resize, crop, normalisation and padding are one pass
  /// over the output rows; the resize comes before the normalisation, which differs from the other order by rounding
  /// only. Traps when sizes do not fit.
  public func render(
    _ image: RGBImage, _ placement: Placement, reduction: JPEGReduction = .none,
    into output: UnsafeMutableBufferPointer<Float>, scratch: inout RenderScratch
  ) {
    let (width, height) = (placement.canvasWidth, placement.canvasHeight)
    require(
      image.width == reduction.extent(of: placement.sourceWidth)
        && image.height == reduction.extent(of: placement.sourceHeight),
      "a placement for \(placement.sourceWidth)x\(placement.sourceHeight), reduced by \(reduction.factor), of a "
        + "\(image.width)x\(image.height) picture")
    require(output.count == 3 * width * height, "\(output.count) elements for 3x\(height)x\(width)")
    let (visibleWidth, visibleHeight) = (placement.visibleWidth, placement.visibleHeight)
    scratch.prepare(
      ResizeAxis(
        sampling, stored: placement.sourceWidth, resized: placement.resizedWidth, reduction: reduction,
        isMirrored: placement.isFlipped), from: placement.cropX, count: visibleWidth, sourceWidth: image.width)
    let vertical = ResizeAxis(
      sampling, stored: placement.sourceHeight, resized: placement.resizedHeight, reduction: reduction)
    let factor = 1 / (255 * deviation)
    let shift = -mean / deviation
    guard let base = output.baseAddress else { return }

    image.pixels.withUnsafeBufferPointer { source in
      scratch.withPointers { columns, rows in
        let line = rows + 6 * visibleWidth
        // Which source row each half of `rows` holds.
        var held = SIMD2<Int32>(-1, -1)
        func slot(_ row: Int32, keeping other: Int32) -> Int {
          if held[0] == row { return 0 }
          if held[1] == row { return 1 }
          let slot = held[0] == other ? 1 : 0
          held[slot] = row
          widen(source.baseAddress! + Int(row) * image.width * 3, count: image.width * 3, into: line)
          resizeRow(line, columns, count: visibleWidth, into: rows + slot * 3 * visibleWidth)
          return slot
        }
        for y in 0..<visibleHeight {
          let tap = vertical.tap(y + placement.cropY)
          let upper = slot(tap.first, keeping: tap.second)
          let lower = slot(tap.second, keeping: tap.first)
          for channel in 0..<3 {
            let row = base + (channel * height + y) * width
            blendRows(
              rows + (upper * 3 + channel) * visibleWidth, rows + (lower * 3 + channel) * visibleWidth, tap.weight,
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
}

extension RenderScratch {
  /// Fills the table of the horizontal pass and makes room for its rows.
  fileprivate mutating func prepare(_ axis: ResizeAxis, from first: Int, count: Int, sourceWidth: Int) {
    if columns.count < count {
      columns = [ResizeTap](repeating: ResizeTap(first: 0, second: 0, weight: 0), count: count)
    }
    for x in 0..<count { columns[x] = axis.tap(x + first) }
    // One more than the pixels have, for the fourth lane of the last one.
    let floats = 6 * count + 3 * sourceWidth + 1
    if rows.count < floats { rows = [Float](repeating: 0, count: floats) }
  }

  fileprivate mutating func withPointers(
    _ body: (UnsafePointer<ResizeTap>, UnsafeMutablePointer<Float>) -> Void
  ) {
    columns.withUnsafeBufferPointer { columns in
      rows.withUnsafeMutableBufferPointer { rows in
        guard let columns = columns.baseAddress, let rows = rows.baseAddress else { return }
        body(columns, rows)
      }
    }
  }
}

/// Turns bytes into numbers.
private func widen(_ source: UnsafePointer<UInt8>, count: Int, into line: UnsafeMutablePointer<Float>) {
  for index in 0..<count { line[index] = Float(source[index]) }
}

/// Interpolates one source row of interleaved pixels to `count` columns, as three planes of 0...255.
///
/// A pixel is a vector whose fourth lane is the next pixel's red; four of them are turned into three planes at once.
private func resizeRow(
  _ line: UnsafePointer<Float>, _ columns: UnsafePointer<ResizeTap>, count: Int,
  into planes: UnsafeMutablePointer<Float>
) {
  let (red, green, blue) = (planes, planes + count, planes + 2 * count)
  let bytes = UnsafeRawPointer(line)
  @inline(__always) func pixel(_ x: Int) -> SIMD4<Float> {
    let tap = columns[x]
    let first = bytes.loadUnaligned(fromByteOffset: Int(tap.first) * 12, as: SIMD4<Float>.self)
    let second = bytes.loadUnaligned(fromByteOffset: Int(tap.second) * 12, as: SIMD4<Float>.self)
    return first + (second - first) * tap.weight
  }
  @inline(__always) func store(_ pixels: SIMD4<Float>, _ plane: UnsafeMutablePointer<Float>, _ x: Int) {
    UnsafeMutableRawPointer(plane + x).storeBytes(of: pixels, as: SIMD4<Float>.self)
  }
  let whole = count - count % 4
  for x in stride(from: 0, to: whole, by: 4) {
    let (a, b, c, d) = (pixel(x), pixel(x + 1), pixel(x + 2), pixel(x + 3))
    store(SIMD4(a[0], b[0], c[0], d[0]), red, x)
    store(SIMD4(a[1], b[1], c[1], d[1]), green, x)
    store(SIMD4(a[2], b[2], c[2], d[2]), blue, x)
  }
  for x in whole..<count {
    let value = pixel(x)
    (red[x], green[x], blue[x]) = (value[0], value[1], value[2])
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

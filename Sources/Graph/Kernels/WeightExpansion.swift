import Tensors

/// A convolution on maps of a few pixels as one matrix product of whole maps.
///
/// An output pixel meets an input pixel in one tap of the kernel at most. With 16 channels a block, a map of C channels and
/// P pixels lies in memory as a vector of C * P numbers in the order (block, pixel, channel), so the whole convolution is the
/// product with a matrix of 16 x 16 blocks, each of them a block of the weight's tap for a pair of pixels. A 3x3 kernel
/// on 2x2 maps needs 16 pairs instead of the 36 products of pixels and taps, and on maps of one pixel one instead of nine.
struct WeightExpansion {
  /// What the 16 x 16 floats of a block are, row by row; the other channel is the outer one of the blocks.
  enum Order {
    /// Rows are input channels, and output blocks come first: OIhw16i16o.
    case outputsFirst
    /// Rows are output channels, and input blocks come first: IOhw16o16i.
    case inputsFirst
  }

  private static let blockElements = 256

  private let outputBlocks: Int
  private let inputBlocks: Int
  private let outputPixels: Int
  private let inputPixels: Int
  private let taps: Int
  /// The tap of output pixel * inputPixels + input pixel, -1 where they do not meet.
  private let pairs: [Int]

  /// The expansion of a weight (O, I, kernel, kernel) with whole blocks of channels.
  init(input: Shape, output: Shape, kernel: Int, stride: Int, padding: Padding) {
    (outputBlocks, inputBlocks) = (output.c / 16, input.c / 16)
    (outputPixels, inputPixels, taps) = (output.area, input.area, kernel * kernel)
    var pairs: [Int] = []
    for y in 0..<output.area {
      for x in 0..<input.area {
        let row = x / input.w - y / output.w * stride + padding.top
        let column = x % input.w - y % output.w * stride + padding.left
        let meets = (0..<kernel).contains(row) && (0..<kernel).contains(column)
        pairs.append(meets ? row * kernel + column : -1)
      }
    }
    self.pairs = pairs
  }

  /// Bytes of the expanded weight.
  var byteCount: Int { 4 * Self.blockElements * outputBlocks * inputBlocks * outputPixels * inputPixels }

  /// Writes the expanded weight in an order, from a weight in the order `outputsFirst`.
  func expand(_ weight: UnsafePointer<Float>, to expanded: UnsafeMutablePointer<Float>, _ order: Order) {
    pairs.withUnsafeBufferPointer { pairs in
      switch order {
      case .outputsFirst:
        parallel(outputBlocks * outputPixels) { row in
          let (block, pixel) = row.quotientAndRemainder(dividingBy: outputPixels)
          var target = expanded + row &* inputBlocks &* inputPixels &* Self.blockElements
          for other in 0..<inputBlocks {
            for otherPixel in 0..<inputPixels {
              let tap = pairs[pixel &* inputPixels &+ otherPixel]
              if let source = self.block(weight, block, other, tap) {
                target.update(from: source, count: Self.blockElements)
              } else {
                target.update(repeating: 0, count: Self.blockElements)
              }
              target += Self.blockElements
            }
          }
        }
      case .inputsFirst:
        parallel(inputBlocks * inputPixels) { row in
          let (block, pixel) = row.quotientAndRemainder(dividingBy: inputPixels)
          var target = expanded + row &* outputBlocks &* outputPixels &* Self.blockElements
          for other in 0..<outputBlocks {
            for otherPixel in 0..<outputPixels {
              let tap = pairs[otherPixel &* inputPixels &+ pixel]
              if let source = self.block(weight, other, block, tap) {
                WeightTransposition.transpose(source, to: target)
              } else {
                target.update(repeating: 0, count: Self.blockElements)
              }
              target += Self.blockElements
            }
          }
        }
      }
    }
  }

  /// A block of a tap of a weight in the order `outputsFirst`, nil for no tap.
  @inline(__always)
  private func block(
    _ weight: UnsafePointer<Float>, _ outputBlock: Int, _ inputBlock: Int, _ tap: Int
  ) -> UnsafePointer<Float>? {
    tap < 0 ? nil : weight + ((outputBlock &* inputBlocks &+ inputBlock) &* taps &+ tap) &* Self.blockElements
  }

  /// Writes the expanded bias: each channel's for every output pixel.
  func expand(bias: UnsafePointer<Float>, to expanded: UnsafeMutablePointer<Float>) {
    for block in 0..<outputBlocks {
      for pixel in 0..<outputPixels {
        expanded.advanced(by: 16 * (block * outputPixels + pixel)).update(from: bias + 16 * block, count: 16)
      }
    }
  }

  /// Bytes of the expanded bias.
  var biasByteCount: Int { 64 * outputBlocks * outputPixels }

  /// Writes the gradient of the weight, each tap the sum over its pairs.
  ///
  /// Both are in the order `outputsFirst`.
  func fold(_ expanded: UnsafePointer<Float>, to gradient: UnsafeMutablePointer<Float>) {
    pairs.withUnsafeBufferPointer { pairs in
      parallel(outputBlocks * inputBlocks) { unit in
        let (outputBlock, inputBlock) = unit.quotientAndRemainder(dividingBy: inputBlocks)
        let target = gradient + unit &* taps &* Self.blockElements
        target.update(repeating: 0, count: taps &* Self.blockElements)
        for outputPixel in 0..<outputPixels {
          let row = (outputBlock &* outputPixels &+ outputPixel) &* inputBlocks &+ inputBlock
          for inputPixel in 0..<inputPixels {
            let tap = pairs[outputPixel &* inputPixels &+ inputPixel]
            if tap < 0 { continue }
            let source = expanded + (row &* inputPixels &+ inputPixel) &* Self.blockElements
            let sum = target + tap &* Self.blockElements
            for element in stride(from: 0, to: Self.blockElements, by: 16) {
              sum.store(sum.lanes(element) + source.lanes(element), element)
            }
          }
        }
      }
    }
  }
}

import Tensors

/// Steps from a degenerate picture through the picture itself (factor 1) and beyond, as Pillow's `ImageEnhance`.
extension RGBImage {
  /// From grey (0) to more colour than there is (above 1).
  mutating func enhanceColor(factor: Float) {
    blend(factor) { pixels, start, _ in
      let grey = luma(pixels, start)
      return (grey, grey, grey)
    }
  }

  /// From an even grey of the picture's mean (0) to more contrast.
  mutating func enhanceContrast(factor: Float) {
    var sum = 0
    for start in stride(from: 0, to: pixels.count, by: 3) {
      sum += pixels.withUnsafeBufferPointer { luma($0, start) }
    }
    let mean = Int(Double(sum) / Double(max(1, width * height)) + 0.5)
    blend(factor) { _, _, _ in (mean, mean, mean) }
  }

  /// From smoothed (0) to sharpened.
  mutating func enhanceSharpness(factor: Float) {
    let (width, height) = (width, height)
    blend(factor) { pixels, start, place in
      let (x, y) = (place % width, place / width)
      // The smoothing filter leaves the border as it is.
      if x == 0 || y == 0 || x == width - 1 || y == height - 1 {
        return (Int(pixels[start]), Int(pixels[start + 1]), Int(pixels[start + 2]))
      }
      func smoothed(_ channel: Int) -> Int {
        var sum = 4 * Int(pixels[start + channel])
        for row in -1...1 {
          for column in -1...1 { sum += Int(pixels[start + channel + 3 * (row * width + column)]) }
        }
        return Int(Float(sum) / 13 + 0.5)
      }
      return (smoothed(0), smoothed(1), smoothed(2))
    }
  }

  /// Replaces each pixel by degenerate + factor * (pixel - degenerate), cut to whole values of 0 to 255.
  private mutating func blend(
    _ factor: Float, _ degenerate: (UnsafeBufferPointer<UInt8>, _ start: Int, _ place: Int) -> (Int, Int, Int)
  ) {
    func mixed(_ degenerate: Int, _ value: UInt8) -> UInt8 {
      UInt8(max(0, min(255, Float(degenerate) + factor * (Float(value) - Float(degenerate)))))
    }
    // Neighbours are read as they were.
    let before = pixels
    before.withUnsafeBufferPointer { before in
      pixels.withUnsafeMutableBufferPointer { pixels in
        for place in 0..<pixels.count / 3 {
          let start = 3 * place
          let (red, green, blue) = degenerate(before, start, place)
          pixels[start] = mixed(red, before[start])
          pixels[start + 1] = mixed(green, before[start + 1])
          pixels[start + 2] = mixed(blue, before[start + 2])
        }
      }
    }
  }
}

/// ITU-R 601 luma of a pixel in whole numbers, as Pillow converts to grey.
private func luma(_ pixels: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
  (19595 * Int(pixels[start]) + 38470 * Int(pixels[start + 1]) + 7471 * Int(pixels[start + 2]) + 0x8000) >> 16
}

import Tensors

/// Changes of each pixel by its own value, as Pillow's `ImageOps` makes them.
extension RGBImage {
  /// 255 less each value.
  mutating func invert() { map { 255 - $0 } }

  /// Values from `threshold` on become 255 less themselves; a threshold of 256 changes nothing.
  mutating func solarize(threshold: Int) { map { $0 < threshold ? $0 : 255 - $0 } }

  /// Keeps the upper `bits` bits of each value, 1 to 8.
  mutating func posterize(bits: Int) {
    let mask = (0xff << (8 - bits)) & 0xff
    map { $0 & mask }
  }

  /// Stretches each channel's values to the whole range.
  mutating func autoContrast() {
    mapChannels { histogram in
      guard let low = histogram.firstIndex(where: { $0 > 0 }), let high = histogram.lastIndex(where: { $0 > 0 }),
        high > low
      else { return nil }
      let scale = 255 / Double(high - low)
      return { min(255, max(0, Int(Double($0) * scale - Double(low) * scale))) }
    }
  }

  /// Gives each channel a flat histogram, as far as whole values can.
  mutating func equalize() {
    mapChannels { histogram in
      let used = histogram.filter { $0 > 0 }
      // The last value's count is left out, so that it lands on 255.
      let step = (used.reduce(0, +) - (used.last ?? 0)) / 255
      if used.count <= 1 || step == 0 { return nil }
      var below = step / 2
      let table = histogram.map { count in
        defer { below += count }
        return min(255, below / step)
      }
      return { table[$0] }
    }
  }

  /// Replaces every value by a function of it.
  private mutating func map(_ change: (Int) -> Int) {
    let table = (0..<256).map { UInt8(change($0)) }
    apply([table, table, table])
  }

  /// Replaces the values of each channel by a function that its histogram decides; nil leaves the channel alone.
  private mutating func mapChannels(_ change: (_ histogram: [Int]) -> ((Int) -> Int)?) {
    var histograms = [[Int]](repeating: [Int](repeating: 0, count: 256), count: 3)
    for pixel in 0..<width * height {
      for channel in 0..<3 { histograms[channel][Int(pixels[pixel * 3 + channel])] += 1 }
    }
    apply(
      histograms.map { histogram in
        let function = change(histogram)
        return (0..<256).map { UInt8(function?($0) ?? $0) }
      })
  }

  private mutating func apply(_ tables: [[UInt8]]) {
    let (red, green, blue) = (tables[0], tables[1], tables[2])
    pixels.withUnsafeMutableBufferPointer { pixels in
      for start in stride(from: 0, to: pixels.count, by: 3) {
        pixels[start] = red[Int(pixels[start])]
        pixels[start + 1] = green[Int(pixels[start + 1])]
        pixels[start + 2] = blue[Int(pixels[start + 2])]
      }
    }
  }
}

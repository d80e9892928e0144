/// The mask of one channel as the official ResNet code makes it, from dense noise, step by step and slowly.
///
/// A rectangular map keeps the rule of each axis. `noise` is uniform in [0, 1), row after row; the result is 1 where
/// kept.
struct OfficialDropBlock {
  let height: Int
  let width: Int
  /// The clamped block size.
  let block: Int
  let gamma: Double

  func mask(noise: [Double]) -> [Int] {
    var pattern = [Int](repeating: 0, count: height * width)
    for y in 0..<height {
      for x in 0..<width {
        let valid = isValid(y, height) && isValid(x, width) ? 1.0 : 0.0
        pattern[y * width + x] = (1 - valid) + (1 - gamma) + noise[y * width + x] >= 1 ? 1 : 0
      }
    }
    if block == width && block == height {
      return [Int](repeating: pattern.min() ?? 1, count: height * width)
    }
    return maximumPool(pattern.map { -$0 }).map { -$0 }
  }

  private func isValid(_ index: Int, _ size: Int) -> Bool {
    index >= block / 2 && index < size - (block - 1) / 2
  }

  /// Stride 1 and SAME padding: of the block - 1 padded positions the smaller half lies before the map.
  private func maximumPool(_ values: [Int]) -> [Int] {
    let before = (block - 1) / 2
    var pooled = [Int](repeating: .min, count: values.count)
    for y in 0..<height {
      for x in 0..<width {
        for windowY in max(0, y - before)..<min(height, y - before + block) {
          for windowX in max(0, x - before)..<min(width, x - before + block) {
            pooled[y * width + x] = max(pooled[y * width + x], values[windowY * width + windowX])
          }
        }
      }
    }
    return pooled
  }
}

/// Which point of a pixel its coordinates mean when a picture is resized.
enum BilinearSampling {
  /// Output x looks at x * in / out: TensorFlow 1's `resize_bilinear` without aligned corners.
  case pixelCorners
  /// Output x looks at (x + 0.5) * in / out - 0.5, not below 0: PyTorch's `interpolate` without aligned corners.
  case pixelCentres
}

/// The two decoded pixels behind a pixel of the resized picture.
struct ResizeTap {
  var first: Int32
  var second: Int32
  /// The share of the second one, 0...1.
  var weight: Float
}

/// One axis of a bilinear resize.
struct ResizeAxis {
  private let sampling: BilinearSampling
  private let isMirrored: Bool
  private let last: Int
  private let scale: Float
  private let shift: Float
  private let factor: Float

  /// The resize of `stored` pixels, of which `reduction` decodes some, to `resized` ones; mirrored before if asked.
  init(
    _ sampling: BilinearSampling, stored: Int, resized: Int, reduction: JPEGReduction = .none, isMirrored: Bool = false
  ) {
    (self.sampling, self.isMirrored) = (sampling, isMirrored)
    let decoded = reduction.extent(of: stored)
    last = decoded - 1
    scale = Float(stored) / Float(resized)
    factor = Float(reduction.factor)
    // Position p of a stored pixel's middle is (p + 1/2) / factor - 1/2 among the decoded ones, which a mirror lets begin
    // with the one that reaches over the edge. The sum is exactly 0 where all pixels are decoded.
    let overhang = isMirrored ? decoded * reduction.factor - stored : 0
    shift = Float(overhang) + (1 - factor) / 2
  }

  /// What pixel `position` of the resized picture looks at.
  @inline(__always)
  func tap(_ position: Int) -> ResizeTap {
    let stored: Float
    switch sampling {
    case .pixelCorners: stored = Float(position) * scale
    case .pixelCentres: stored = max(0, scale * (Float(position) + 0.5) - 0.5)
    }
    let decoded = max(0, (stored + shift) / factor)
    let first = min(Int(decoded), last)
    let second = min(first + 1, last)
    let weight = min(decoded - Float(first), 1)
    return isMirrored
      ? ResizeTap(first: Int32(last - first), second: Int32(last - second), weight: weight)
      : ResizeTap(first: Int32(first), second: Int32(second), weight: weight)
  }
}

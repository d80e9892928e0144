import Tensors

/// The images of a batch side by side in one.
///
/// (N, C, H, W) becomes (1, C, N, H * W): the planes of a block of channels, one image after the other. Products that sum over
/// pixels then run over the pixels of all images, and not over a few of one image at a time.
enum ImageMerging {
  /// Copies an activation of floats in the blocked layout.
  static func merge(_ source: UnsafePointer<Float>, _ shape: BlockedShape, to target: UnsafeMutablePointer<Float>) {
    let (count, blocks) = (shape.planeElements, shape.planes / shape.n)
    parallel(blocks) { block in
      for image in 0..<shape.n {
        target.advanced(by: (block &* shape.n &+ image) &* count)
          .update(from: source + (image &* blocks &+ block) &* count, count: count)
      }
    }
  }
}

import Datasets

extension Configuration {
  /// How training images of detectors and segmentations are scaled, flipped, and cropped or padded: the paper's scale jitter.
  var scaleJitter: ImageTransform {
    var transform = ImageTransform(
      .paper(
        height: input.size.height, width: input.size.width,
        scale: Float(input.scaleMinimum)...Float(input.scaleMaximum)))
    transform.flipProbability = Float(input.flip)
    (transform.mean, transform.deviation) = normalization
    return transform
  }
}

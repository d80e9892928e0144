/// What follows the sum of a convolution before it is written.
struct ConvolutionEnding {
  /// Added to each channel: floats for all channels with their padding, in whole groups of sixteen; nil for none.
  var bias: UnsafePointer<Float>?
  /// Whether what the memory of the result holds is added.
  var adds = false
  /// Whether max(0, y) follows.
  var rectifies = false
}

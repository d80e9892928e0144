/// How `export` describes a model in ONNX.
public struct ONNXSettings: Sendable {
  /// Images of a batch, from 1.
  public var images = 1
  /// Rows and columns of an image; nil takes those that evaluation has.
  public var size: Configuration.ImageSize?
  /// Whether a batch-norm behind a convolution becomes part of that convolution's weights.
  public var foldsBatchNorm = false
  /// Whether a detector's predictions are decoded to boxes and suppressed as by `predict`.
  public var decodesBoxes = false

  /// One image of the size of evaluation, the network as it is.
  public init() {}
}

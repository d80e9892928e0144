import Graph
import ONNX

extension Segmenter {
  static var evaluatedSizeKey: String { "input.evaluation.size" }

  /// The network with its class logits (N, K, H, W), one for each pixel of the canvas, as the output `logits`.
  ///
  /// They are upsampled as where the program itself takes the likeliest class: bilinearly, corners aligned.
  func onnxGraph(_ settings: ONNXSettings, weights: ParameterStore) throws -> ONNXGraph {
    try requireNoDecoding(settings)
    let size = canvas
    let (graph, logits) = inferenceGraph(images: settings.images, height: size.height, width: size.width)
    let translation = try ONNXTranslation(graph, weights: weights, foldsBatchNorm: settings.foldsBatchNorm)
    let onnx = translation.onnx
    let shape = [logits.shape.n, logits.shape.c, size.height, size.width]
    let output = onnx.add(
      "Resize", "logits", [translation.name(of: logits), "", "", onnx.constant("logits/sizes", shape)],
      Interpolation.bilinear.onnxAttributes)
    onnx.addOutput(ONNXPort(output, shape, "Class logits of each pixel; the largest is the likeliest class."))
    return onnx
  }
}

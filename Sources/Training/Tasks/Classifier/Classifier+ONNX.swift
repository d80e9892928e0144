import Graph
import ONNX

extension Classifier {
  static var evaluatedSizeKey: String { "input.size" }

  /// The network with its class logits (N, K) as the output `logits`.
  func onnxGraph(_ settings: ONNXSettings, weights: ParameterStore) throws -> ONNXGraph {
    try requireNoDecoding(settings)
    let (graph, logits) = inferenceGraph(images: settings.images)
    let translation = try ONNXTranslation(graph, weights: weights, foldsBatchNorm: settings.foldsBatchNorm)
    let output = translation.onnx.add("Flatten", "logits", [translation.name(of: logits)])
    translation.onnx.addOutput(
      ONNXPort(output, [logits.shape.n, logits.shape.c], "Class logits; their softmax is the probability."))
    return translation.onnx
  }
}

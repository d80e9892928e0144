import Datasets
import ONNX
import Tensors

extension TrainedModel {
  /// The model in ONNX, with what a user of the file has to know in its metadata; throws 78 for what ONNX cannot say, and
  /// 64 for settings that are not for its task.
  func onnxModel(_ settings: ONNXSettings) throws -> ONNXModel {
    let (mean, deviation) = configuration.normalization
    let channels = configuration.task.imageChannels
    func list(_ values: SIMD3<Float>) -> String {
      "[\((0..<channels).map { "\(values[$0])" }.joined(separator: ", "))]"
    }
    var metadata = [
      ("normalization.mean", list(mean)), ("normalization.deviation", list(deviation)),
      ("configuration", configuration.yaml), ("program", "dropblock-dist, commit \(BuildInformation.commit)"),
    ]
    if let classes { metadata.append((ClassList.key, classes.list.json)) }
    return ONNXModel(
      try configuration.task.onnxGraph(settings, weights: store),
      producer: ("dropblock-dist", BuildInformation.commit), metadata: metadata)
  }
}

extension TrainingTask {
  /// Throws 64 where a task without boxes is asked to decode some.
  func requireNoDecoding(_ settings: ONNXSettings) throws {
    if settings.decodesBoxes {
      throw InputError(
        .usage,
        "--decode: expected a checkpoint of a detector; got model.name \(configuration.model.name.rawValue), which "
          + "predicts no boxes; leave it out")
    }
  }
}

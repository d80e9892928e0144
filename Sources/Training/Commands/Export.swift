import Checkpoints
import Datasets
import Models
import ONNX
import Tensors

/// `export`: a checkpoint as a file for other programs.
public struct ExportRequest: Sendable {
  /// What the file is.
  public enum Format: Sendable {
    /// The weights under torchvision's names and in its layout, for `load_state_dict`.
    ///
    /// The file's metadata name the classes under `classes`, as JSON, where the checkpoint does.
    case safetensors
    /// The model with its weights, for the runtimes of ONNX.
    case onnx(ONNXSettings)
  }

  /// A run directory, a checkpoint set or a `.safetensors` file.
  public var checkpoint: String
  /// Where the configuration comes from.
  public var configuration: CheckpointConfiguration
  /// What the file is.
  public var format: Format
  /// The file to write.
  public var output: String

  /// A request.
  public init(
    checkpoint: String, configuration: CheckpointConfiguration, format: Format = .safetensors, output: String
  ) {
    (self.checkpoint, self.configuration) = (checkpoint, configuration)
    (self.format, self.output) = (format, output)
  }

  /// Writes the file; throws what the user can mend.
  public func run(_ console: Console) throws {
    let trained = try TrainedModel(checkpoint: checkpoint, configuration: resolve, warn: { console.warn($0) })
    switch format {
    case .safetensors: try writeWeights(trained, console)
    case .onnx(let settings): try write(trained, settings, console)
    }
  }

  /// The configuration, with the size of images that was asked for.
  private func resolve(_ saved: String?) throws -> Configuration {
    let resolved = try configuration.resolve(saved)
    guard case .onnx(let settings) = format, let size = settings.size else { return resolved }
    var sized = configuration
    sized.overrides.append("\(type(of: resolved.task).evaluatedSizeKey)=\(size.yaml)")
    return try sized.resolve(saved)
  }

  private func writeWeights(_ trained: TrainedModel, _ console: Console) throws {
    let isFrozen = trained.configuration.batchNorm.mode == .frozen
    // torchvision's fully connected layers have matrices.
    let dense = ((trained.configuration.task as? Classifier)?.network as? any PooledClassifier)?.classWeight
    let tensors = ModelFile.model(trained.store, batchNormSteps: isFrozen ? nil : 0).map {
      $0.name == dense ? $0.reshaped(to: Array($0.shape.prefix(2))) : $0
    }
    var metadata = ["format": "pt"]
    metadata[ClassList.key] = trained.classes?.list.json
    try writeSafetensors(tensors, to: output, metadata: metadata)
    console.say("\(tensors.count) tensors -> \(output)")
  }

  private func write(_ trained: TrainedModel, _ settings: ONNXSettings, _ console: Console) throws {
    let model = try trained.onnxModel(settings)
    try model.write(to: output)
    console.say("\(model.graph.operatorCount) operators -> \(output)")
  }
}

import Checkpoints
import Datasets
import Models
import Tensors

/// `export`: the weights of a checkpoint under torchvision's names and in its layout, for `load_state_dict`.
///
/// The file's metadata name the classes under `classes`, as JSON, where the checkpoint does.
public struct ExportRequest: Sendable {
  /// A run directory, a checkpoint set or a `.safetensors` file.
  public var checkpoint: String
  /// Where the configuration comes from.
  public var configuration: CheckpointConfiguration
  /// The file to write.
  public var output: String

  /// A request.
  public init(checkpoint: String, configuration: CheckpointConfiguration, output: String) {
    (self.checkpoint, self.configuration, self.output) = (checkpoint, configuration, output)
  }

  /// Writes the file; throws what the user can mend.
  public func run(_ console: Console) throws {
    let trained = try TrainedModel(
      checkpoint: checkpoint, configuration: configuration.resolve, warn: { console.warn($0) })
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
}

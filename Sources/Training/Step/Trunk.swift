import Graph
import Models

extension BatchNorm {
  /// The normalisation that a configuration asks for.
  init(_ configuration: Configuration) {
    let options = configuration.batchNorm
    self.init(
      isTrained: options.mode == .trained, statistics: options.statistics == .global ? .global : .local,
      retention: Float(options.decay), epsilon: Float(options.epsilon))
  }
}

extension ResNet {
  /// The trunk that a configuration asks for.
  init(_ configuration: Configuration) {
    let model = configuration.model
    self.init(
      depth: model.depth, form: model.form, batchNorm: BatchNorm(configuration), trainableStages: model.trainableLayers,
      isStemTrainable: model.isStemTrainable)
    stridePlacement = model.stridePlacement
  }
}

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

extension AmoebaNet {
  /// The classifier that a configuration asks for.
  init(_ configuration: Configuration) {
    let model = configuration.model
    self.init(
      batchNorm: BatchNorm(configuration), classes: model.classes,
      labelSmoothing: Float(configuration.loss.labelSmoothing))
    (cells, filters, stem) = (model.cells, model.filters, model.stem)
    (keepProbability, auxiliaryWeight) = (model.keepProbability, Float(model.auxiliaryWeight))
  }
}

extension RetinaNet {
  /// The detector that a configuration asks for.
  init(_ configuration: Configuration) {
    let (trunk, loss) = (ResNet(configuration), configuration.loss)
    self.init(
      trunk: trunk, pyramid: FeaturePyramid(form: trunk.form, batchNorm: trunk.batchNorm),
      classes: configuration.model.classes,
      loss: RetinaNetLoss(
        alpha: Float(loss.focalAlpha), gamma: Float(loss.focalGamma),
        box: loss.huberDelta.map { .huber(delta: Float($0)) } ?? .absolute))
  }
}

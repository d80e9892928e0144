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
    let form: ModelForm =
      switch configuration.model.form {
      case .paper: .paper
      case .torchvision: .torchvision
      }
    let depth: ResNetDepth =
      switch configuration.model.depth {
      case .resNet18: .resNet18
      case .resNet34: .resNet34
      case .resNet50: .resNet50
      case .resNet101: .resNet101
      }
    self.init(
      depth: depth, form: form, batchNorm: BatchNorm(configuration),
      trainableStages: configuration.model.trainableLayers, isStemTrainable: configuration.model.isStemTrainable)
    switch configuration.model.stridePlacement {
    case .oneByOne: stridePlacement = .firstConvolution
    case .threeByThree: stridePlacement = .secondConvolution
    }
  }
}

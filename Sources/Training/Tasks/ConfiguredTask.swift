import Graph
import Models

/// The network that `model.name` calls for, by what it is trained to do.
enum ConfiguredNetwork {
  case detector(RetinaNet)
  case segmenter(SegmentationNet)
  case classifier(any ImageClassifier)

  /// The network that is configured: to add a model, add it here and to `ModelName`.
  init(_ configuration: Configuration) {
    let (classes, norm) = (configuration.model.classes, BatchNorm(configuration))
    let smoothing = Float(configuration.loss.labelSmoothing)
    switch configuration.model.name {
    case .retinaNet: self = .detector(RetinaNet(configuration))
    case .segmentation: self = .segmenter(SegmentationNet(trunk: ResNet(configuration), classes: classes))
    case .resNet:
      let trunk = ResNet(configuration)
      self = .classifier(ResNetClassifier(trunk: trunk, classes: classes, labelSmoothing: smoothing))
    case .amoebaNet: self = .classifier(AmoebaNet(configuration))
    case .kerasResNet: self = .classifier(KerasResNet(batchNorm: norm, classes: classes, labelSmoothing: smoothing))
    case .denseNet: self = .classifier(DenseNet(batchNorm: norm, classes: classes, labelSmoothing: smoothing))
    case .customNet: self = .classifier(CustomNet(batchNorm: norm, classes: classes, labelSmoothing: smoothing))
    }
  }
}

extension Configuration {
  /// What is trained.
  var task: any TrainingTask {
    switch ConfiguredNetwork(self) {
    case .detector(let network): Detector(self, network)
    case .segmenter(let network): Segmenter(self, network)
    case .classifier(let network): Classifier(self, network)
    }
  }
}

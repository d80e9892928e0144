import Graph
import Models

extension Classifier {
  /// The network that `model.name` calls for, which must be a classifier's.
  static func network(_ configuration: Configuration) -> any ImageClassifier {
    let classes = configuration.model.classes
    let labelSmoothing = Float(configuration.loss.labelSmoothing)
    let norm = BatchNorm(configuration)
    switch configuration.model.name {
    case .retinaNet: fatalError("model.name \(configuration.model.name.rawValue) is no classifier")
    case .resNet:
      return ResNetClassifier(trunk: ResNet(configuration), classes: classes, labelSmoothing: labelSmoothing)
    case .kerasResNet: return KerasResNet(batchNorm: norm, classes: classes, labelSmoothing: labelSmoothing)
    case .denseNet: return DenseNet(batchNorm: norm, classes: classes, labelSmoothing: labelSmoothing)
    case .customNet: return CustomNet(batchNorm: norm, classes: classes, labelSmoothing: labelSmoothing)
    }
  }
}

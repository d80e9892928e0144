extension Configuration {
  /// What `model.name` trains.
  public var task: any TrainingTask { trainableTask }

  /// The same, with its data and its evaluation.
  var trainableTask: any TrainableTask {
    switch model.name {
    case .retinaNet: Detector(self)
    case .resNet, .kerasResNet, .denseNet, .customNet: Classifier(self)
    }
  }
}

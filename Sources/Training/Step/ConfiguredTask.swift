extension Configuration {
  /// What `model.name` trains.
  public var task: any TrainingTask {
    switch model.name {
    case .retinaNet: Detector(self)
    case .resNet: Classifier(self)
    }
  }
}

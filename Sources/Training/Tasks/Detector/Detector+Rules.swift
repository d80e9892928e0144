extension Configuration {
  /// What only detectors ask of a configuration: the box loss is Huber's in the paper's form and L1 in torchvision's.
  ///
  /// - Throws: `ConfigurationError.impossible`.
  func checkDetector() throws {
    if min(input.size.height, input.size.width) < 32 {
      throw impossible("input.size", "expected at least 32 pixels with model.name retinanet; got \(input.size.yaml)")
    }
    switch model.form {
    case .paper where loss.huberDelta == nil:
      throw impossible("loss.huber_delta", "expected a number above 0 with model.form paper; got null")
    case .torchvision where loss.huberDelta != nil:
      throw impossible("loss.huber_delta", "model.form torchvision has an L1 loss without it; remove this key")
    case .paper, .torchvision: break
    }
  }
}

extension Configuration {
  /// What only classifiers ask of a configuration: CustomNet's fully connected layer takes a square map.
  ///
  /// - Throws: `ConfigurationError.impossible`.
  func checkClassifier() throws {
    if model.name == .customNet && input.size.height != input.size.width {
      throw impossible("input.size", "expected a square with model.name customnet; got \(input.size.yaml)")
    }
  }
}

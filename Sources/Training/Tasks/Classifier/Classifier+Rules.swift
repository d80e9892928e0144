extension Configuration {
  /// What only classifiers ask of a configuration.
  ///
  /// - Throws: `ConfigurationError.impossible`.
  func checkClassifier() throws {
    switch model.name {
    case .customNet where input.size.height != input.size.width:
      // Its fully connected layer takes a square map.
      throw impossible("input.size", "expected a square with model.name customnet; got \(input.size.yaml)")
    case .amoebaNet: try checkAmoebaNet()
    case .retinaNet, .segmentation, .resNet, .kerasResNet, .denseNet, .customNet: break
    }
  }

  private func checkAmoebaNet() throws {
    if model.cells % 3 != 0 {
      throw impossible("model.cells", "expected three stacks of as many cells, a multiple of 3; got \(model.cells)")
    }
    // States of 16 channels and multiples of that lie side by side; the first reduction of a stem has a quarter of the filters.
    let (multiple, reductions) =
      switch model.stem {
      case .imageNet: (64, 4)
      case .small: (16, 1)
      }
    if model.filters % multiple != 0 {
      throw impossible(
        "model.filters",
        "expected a multiple of \(multiple) with model.stem \(model.stem.rawValue); got \(model.filters)")
    }
    // The auxiliary head takes means over 5x5 pixels of the second stack's maps.
    let side = min(input.size.height, input.size.width)
    let smallest = 4 << reductions + (model.stem == .imageNet ? 3 : 1)
    if model.auxiliaryWeight > 0 && side < smallest {
      throw impossible(
        "input.size",
        "expected at least \(smallest) pixels a side for the auxiliary head of model.name amoebanet; got "
          + "\(input.size.yaml); set model.auxiliary_weight=0 to do without it")
    }
  }
}

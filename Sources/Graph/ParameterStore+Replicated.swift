/// What all ranks hold alike.
extension ParameterStore {
  /// Every tensor that lives longer than a step, in the layout and with the padding of this plan, in the order of the model.
  ///
  /// A trained parameter is followed by its momentum.
  public var replicatedTensors: [(name: String, memory: UnsafeBufferPointer<Float>)] {
    parameters.flatMap { parameter -> [(name: String, memory: UnsafeBufferPointer<Float>)] in
      let entry = entry(parameter.name)
      let value = UnsafeBufferPointer<Float>(start: valuePointer(parameter.name), count: entry.count)
      guard case .trained = parameter.role else { return [(parameter.name, value)] }
      let momentum = UnsafeBufferPointer(rebasing: momentumArena[entry.offset..<entry.offset + entry.count])
      return [(parameter.name, value), ("the momentum of \(parameter.name)", momentum)]
    }
  }
}

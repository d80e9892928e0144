/// What all ranks hold alike.
extension ParameterStore {
  /// Every tensor that lives longer than a step, in the layout and with the padding of this plan, in the order of the model.
  ///
  /// A parameter is followed by what the optimizer keeps of it.
  public var replicatedTensors: [(name: String, memory: UnsafeBufferPointer<Float>)] {
    parameters.flatMap { parameter -> [(name: String, memory: UnsafeBufferPointer<Float>)] in
      let entry = entry(parameter.name)
      let range = entry.offset..<entry.offset + entry.count
      func part(_ name: String, _ arena: UnsafeMutableBufferPointer<Float>?) -> [(String, UnsafeBufferPointer<Float>)] {
        arena.map { [("\(name) of \(parameter.name)", UnsafeBufferPointer(rebasing: $0[range]))] } ?? []
      }
      let value = [
        (parameter.name, UnsafeBufferPointer<Float>(start: valuePointer(parameter.name), count: entry.count))
      ]
      switch parameter.role {
      case .frozen: return value
      case .runningStatistic: return value + part("the average", averageArena)
      case .trained:
        return value + part("the momentum", momentumArena) + part("the running square", squareArena)
          + part("the average", averageArena)
      }
    }
  }

  /// Bytes of a checkpoint: parameters and what the optimizer keeps of them.
  public var checkpointBytes: Int {
    ([valueArena, frozenArena] + optimizerArenas).reduce(0) { $0 + $1.count } * MemoryLayout<Float>.stride
  }

  /// The memory of what the optimizer keeps: its arenas, for a broadcast.
  public var optimizerArenas: [UnsafeMutableBufferPointer<Float>] {
    [momentumArena] + [squareArena, averageArena].compactMap(\.self)
  }
}

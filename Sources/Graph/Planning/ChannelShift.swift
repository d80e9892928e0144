/// What becomes of a constant that is added to all of a channel of an operation's input.
enum ChannelShift {
  /// It is subtracted again, with the mean of the batch.
  case removed
  /// The output has it too.
  case passedOn
  /// The output changes in other ways.
  case felt
}

extension Graph {
  /// Whether a constant added to a channel of a value changes no loss: a batch-norm stands on every way from it.
  func ignoresShift(of value: Value) -> Bool {
    if outputs.contains(value) { return false }
    let readers = readers(of: value)
    return !readers.isEmpty
      && readers.allSatisfy { reader in
        switch nodes[reader].shift(of: value) {
        case .removed: true
        case .passedOn: nodes[reader].outputs.allSatisfy(ignoresShift)
        case .felt: false
        }
      }
  }

  /// The biases of convolutions whose gradient is zero in training, whatever the data.
  ///
  /// What arithmetic leaves of it are roundings, 2e-8 of all gradients, which Adam would follow at its full rate.
  var biasesWithoutGradient: Set<ParameterID> {
    var felt: Set<ParameterID> = []
    var all: Set<ParameterID> = []
    for case let convolution as ConvolutionOperation in nodes {
      guard let bias = convolution.bias else { continue }
      all.insert(bias)
      if convolution.activation != .none || !convolution.outputs.allSatisfy(ignoresShift) { felt.insert(bias) }
    }
    return all.subtracting(felt)
  }
}

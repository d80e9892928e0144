import Tensors

extension Configuration {
  /// Throws 78 for what can be written down but not be run: it names the key, and what can be.
  func requireRunnable() throws {
    func refuse(_ key: String, _ reason: String) -> InputError { InputError(.badConfiguration, "\(key): \(reason)") }
    if precision == .bf16 { throw refuse("precision", "expected f32, got bf16, which the engine does not compute in") }
    if input.size.height != input.size.width {
      throw refuse(
        "input.size", "expected a square, got \(input.size.yaml): the augmentation fits the long side of an image")
    }
    if case .fixed(let size) = input.evaluation.rule, size.height != size.width {
      throw refuse("input.evaluation.size", "expected a square, got \(size.yaml)")
    }
  }
}

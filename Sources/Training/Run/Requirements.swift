import Tensors

extension Configuration {
  /// Throws 78 for what can be written down but not be run: it names the key, and what can be.
  func requireRunnable() throws {
    if precision == .bf16 {
      throw InputError(.badConfiguration, "precision: expected f32, got bf16, which the engine does not compute in")
    }
  }
}

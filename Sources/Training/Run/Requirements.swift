import Graph
import Tensors

extension Configuration {
  /// Throws 78 for what can be written down but not be run: it names the key, and what can be.
  ///
  /// - Parameter needsDetector: whether the command knows detectors only.
  func requireRunnable(needsDetector: Bool = true) throws {
    if needsDetector && model.name != .retinaNet {
      throw InputError(
        .badConfiguration,
        "model.name: expected retinanet, got \(model.name.rawValue), which only bench, inspect and audit-masks know yet"
      )
    }
    if !Engine.supports(precision) {
      throw InputError(
        .badConfiguration,
        "precision: got \(precision.rawValue), which needs a processor with AVX512_BF16 (Intel since Cooper Lake, AMD since "
          + "Zen 4); this one has none; use --set precision=f32")
    }
  }
}

import Graph
import Tensors

extension Configuration {
  /// Throws 78 for what can be written down but not be run here: it names the key, and what can be.
  func requireRunnable() throws {
    if !Engine.supports(precision) {
      throw InputError(
        .badConfiguration,
        "precision: got \(precision.rawValue), which needs a processor with AVX512_BF16 (Intel since Cooper Lake, AMD since "
          + "Zen 4); this one has none; use --set precision=f32")
    }
    _ = try task.checkedTrainingGraph(imagesPerRank: 1)
  }
}

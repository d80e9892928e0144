import Checkpoints
import Graph

extension TrainedModel {
  /// 16 hexadecimal digits that stand for the weights, averages where these are used, and for the whole configuration.
  var digest: String {
    var hash = XXHash64()
    for name in store.names { store.read(name).withUnsafeBytes { hash.update($0) } }
    Array(configuration.yaml.utf8).withUnsafeBytes { hash.update($0) }
    return hash.text
  }
}

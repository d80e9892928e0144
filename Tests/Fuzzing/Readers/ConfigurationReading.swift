import Tensors
import Training

/// Reads the input as a YAML configuration; what is accepted must survive being written and read again.
///
/// A first line that starts with `--set ` is taken as an override, and what follows as the file.
func readConfiguration(_ bytes: UnsafeRawBufferPointer) {
  var text = String(decoding: bytes, as: UTF8.self)
  var overrides: [String] = []
  if text.hasPrefix("--set ") {
    let line = text.prefix { $0 != "\n" }
    overrides = [String(line.dropFirst(6))]
    text = String(text.dropFirst(line.count + 1))
  }
  expectingUserErrors([.badConfiguration]) {
    let configuration = try Configuration(
      text: text, name: "input.yaml", directory: "/data", overrides: overrides, environment: ["ROOT": "/root"])
    let written = configuration.yaml
    let again: Configuration
    do {
      again = try Configuration(text: written, name: "again.yaml", environment: [:])
    } catch {
      fatalError("written as a text that cannot be read: \(error)\n\(written)")
    }
    require(again == configuration && again.yaml == written, "another configuration after writing:\n\(written)")
    require(configuration.trainingChanges(since: again).isEmpty, "changed by writing")
    for ranks in [1, 2, 3, 64] {
      expectingUserErrors([.badConfiguration]) {
        let plan = try configuration.batchPlan(ranks: ranks)
        require(plan.perRank > 0 && plan.accumulate > 0 && plan.global >= ranks, "an empty batch: \(plan)")
      }
    }
  }
}

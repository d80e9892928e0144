import Checkpoints
import Tensors

private let file = InputFile()
/// Names in the spellings that are matched.
private let model = [
  NamedShape("backbone.body.conv1.weight", [2, 1]), NamedShape("backbone.fpn.inner_blocks.1.0.weight", [1]),
  NamedShape("head.classification_head.conv.3.0.bias", [0, 4]), NamedShape("float32", [2, 3]),
]

/// Opens the input as a safetensors file and reads every tensor in every way; what is read must fit the file.
func readSafetensors(_ bytes: UnsafeRawBufferPointer) {
  file.replace(bytes)
  expectingUserErrors([.badData]) {
    let tensors = try SafetensorsFile(path: file.path)
    var bytes = 0
    for entry in tensors.entries {
      bytes += entry.byteRange.count
      require(tensors.entry(named: entry.name) == entry, "another tensor under the name \(entry.name)")
      require(entry.shape.reduce(1, *) == entry.elementCount, "a shape of another size")
      let sum = try tensors.withBytes(named: entry.name) { $0.reduce(0) { $0 &+ Int($1) } }
      require(sum >= 0, "a negative sum of bytes")
      expectingUserErrors([.badData]) {
        let floats = try tensors.floats(named: entry.name)
        require(floats.count == entry.elementCount, "\(floats.count) floats")
        var copy = [Float](repeating: 0, count: floats.count)
        try copy.withUnsafeMutableBufferPointer { try tensors.copyFloats(named: entry.name, to: $0) }
        require(zip(copy, floats).allSatisfy { $0.bitPattern == $1.bitPattern }, "the copy differs")
      }
      expectingUserErrors([.badData]) {
        let integers = try tensors.integers(named: entry.name)
        require(integers.count == entry.elementCount, "\(integers.count) integers")
      }
    }
    require(bytes <= tensors.byteCount, "more bytes of tensors than of file")
    let match = tensors.match(model)
    require(
      match.loaded.count + match.missing.count + match.mismatched.count == model.count
        && match.loaded.count + match.mismatched.count + match.skipped.count <= tensors.entries.count,
      "names are lost: \(match.summary)")
    expectingUserErrors([.badData]) { _ = try tensors.floats(named: "no such tensor") }
  }
}

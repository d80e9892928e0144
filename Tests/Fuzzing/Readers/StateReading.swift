import Tensors

@testable import Checkpoints

private let file = InputFile()
private let again = InputFile()

/// Reads the input as `state.json`: as it is, and as what stands below a first line with the right hash.
func readState(_ bytes: UnsafeRawBufferPointer) {
  file.replace(bytes)
  expectingUserErrors([.badData]) { _ = try StateFile(path: file.path) }

  let head = "{\n  \"xxh64\" : \"\(XXHash64.text(of: bytes))\",\n"
  (Array(head.utf8) + Array(bytes)).withUnsafeBytes { file.replace($0) }
  expectingUserErrors([.badData]) {
    let state = try StateFile(path: file.path)
    require(state.state.step >= 0 && state.state.worldSize > 0, "a state that no run can have: \(state.state)")
    // What was read can be written, and means the same.
    let written = state.encoded()
    written.withUnsafeBytes { again.replace($0) }
    let reread = try StateFile(path: again.path)
    require(reread.encoded() == written, "written as \(String(decoding: written, as: UTF8.self))")
  }
}

import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct CheckpointReferenceTests {
  private func step(_ path: String) throws -> Int? {
    switch try CheckpointReference.resolve(path, warn: { _ in Issue.record("no warning is due") }) {
    case .set(let set): set.state.step
    case .weights: nil
    }
  }

  @Test("a run directory, its checkpoints, latest and a set all lead to a set; a file leads to weights")
  func kinds() throws {
    let run = try SampleRun()
    for number in [10, 20] { try run.write(number) }
    #expect(try step(run.folder.path) == 20)
    #expect(try step(run.folder.path + "/") == 20)
    #expect(try step(run.store.directory) == 20)
    #expect(try step(run.path("latest")) == 20)
    #expect(try step(run.path("step-00000010")) == 10)
    #expect(try step(run.path("step-00000010/model.safetensors")) == nil)
    let reference = try CheckpointReference.resolve(run.path("step-00000010/model.safetensors")) { _ in }
    #expect(try reference.model.floats(named: "w")[0] == 10)
  }

  @Test("nothing there is error 66, something else error 65")
  func wrongPaths() throws {
    let folder = try TemporaryDirectory()
    func error(_ path: String) -> InputError? {
      thrown(InputError.self) { _ = try CheckpointReference.resolve(path) { _ in } }
    }
    let missing = error(folder.file("no"))
    #expect(missing?.exitCode == .missingFile)
    #expect(missing?.description == "\(folder.path)/no: cannot open: No such file or directory")
    let empty = error(folder.path)
    #expect(empty?.exitCode == .missingFile)
    #expect(empty?.description.contains("a directory without checkpoints; name one that") == true)
    let other = error(try folder.write("PK", to: "model.pth"))
    #expect(other?.exitCode == .badData)
    #expect(other?.description.contains("expected a run directory, a checkpoint set or a .safetensors file") == true)
  }
}

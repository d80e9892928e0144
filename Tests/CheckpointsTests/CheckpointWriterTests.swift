import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct CheckpointWriterTests {
  /// A tensor that is not written before `gate` is signalled.
  private func waiting(for gate: DispatchSemaphore) -> TensorToWrite {
    TensorToWrite("w", shape: [1]) { elements in
      gate.wait()
      elements[0] = 7
    }
  }

  private func begin(_ writer: CheckpointWriter, _ step: Int, _ tensor: TensorToWrite) {
    writer.begin(
      SampleRun.state(step), model: [tensor], optimizer: SampleRun.tensors(-step),
      keeping: CheckpointRetention(newest: 100))
  }

  @Test("the set is absent while it is written elsewhere, and complete after the wait")
  func background() throws {
    let run = try SampleRun()
    let writer = CheckpointWriter(run.store)
    #expect(writer.wait() == nil)
    let gate = DispatchSemaphore(value: 0)
    begin(writer, 10, waiting(for: gate))
    // Back here before the first tensor is written: the thread still waits at the gate.
    #expect(run.store.steps == [] && run.store.latestStep == nil && !writer.hasFailed)
    gate.signal()
    #expect(writer.wait() == nil)
    let set = try #require(try run.store.openLatest { _ in Issue.record("no warning is due") })
    #expect(set.state == SampleRun.state(10))
    #expect(try set.model.floats(named: "w") == [7])
  }

  @Test("a tensor in memory is written as it lies there, from its first element on")
  func memory() throws {
    let run = try SampleRun()
    let memory = AlignedMemory(byteCount: 24)
    for index in 0..<6 { memory.pointer(to: Float.self)[index] = Float(index) }
    let writer = CheckpointWriter(run.store)
    writer.begin(
      SampleRun.state(10), model: [TensorToWrite("w", shape: [2, 2], in: memory, firstFloat: 1)], optimizer: [],
      keeping: CheckpointRetention(newest: 1))
    #expect(writer.wait() == nil)
    #expect(try run.store.openLatest { _ in }?.model.floats(named: "w") == [1, 2, 3, 4])
  }

  @Test("a failure is known before the wait, told once, and the next set is written")
  func failure() throws {
    let run = try SampleRun()
    let writer = CheckpointWriter(run.store)
    try run.write(10)
    begin(
      writer, 20,
      TensorToWrite("w", shape: [1]) { _ in
        try? FileManager.default.removeItem(atPath: run.path(".writing-step-00000020"))
      })
    #expect(HangLimit.wait { writer.hasFailed })
    let failure = writer.wait()
    #expect(failure?.exitCode == .cannotWrite)
    #expect(!writer.hasFailed && writer.wait() == nil)
    #expect(try run.store.openLatest { _ in Issue.record("no warning is due") }?.state.step == 10)
    begin(writer, 30, SampleRun.tensors(30)[0])
    #expect(writer.wait() == nil)
    #expect(run.store.latestStep == 30)
  }
}

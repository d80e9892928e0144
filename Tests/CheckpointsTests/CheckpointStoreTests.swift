import Foundation
import Glibc
import TestSupport
import Testing
import Tensors

@testable import Checkpoints

@Suite struct CheckpointStoreTests {
  @Test("a set is read back as it was written, through latest")
  func roundTrip() throws {
    let run = try SampleRun()
    #expect(try run.store.openLatest { _ in Issue.record("no warning is due") } == nil)
    let directory = try run.write(20, metric: .infinity)
    #expect(directory == run.path("step-00000020"))
    #expect(try run.entries() == ["latest", "step-00000020"])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        == ["model.safetensors", "optimizer.safetensors", "state.json"])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: run.path("latest")) == "step-00000020")
    let set = try #require(try run.store.openLatest { _ in Issue.record("no warning is due") })
    #expect(set.state == SampleRun.state(20, metric: .infinity))
    #expect(try set.model.floats(named: "w") == [20, 20, 20, 20])
    #expect(try set.optimizer.floats(named: "w") == [-20, -20, -20, -20])
  }

  @Test("equal states and tensors give byte-identical sets")
  func deterministic() throws {
    let runs = [try SampleRun(), try SampleRun()]
    for run in runs { try run.write(5, metric: 0.1 + 0.2) }
    for name in ["model.safetensors", "optimizer.safetensors", "state.json"] {
      #expect(try runs[0].bytes("step-00000005/\(name)") == runs[1].bytes("step-00000005/\(name)"))
    }
  }

  @Test("the newest and the best stay, the earlier of two equally good ones, and latest always names a set")
  func retention() throws {
    let run = try SampleRun()
    let metrics: [Double?] = [nil, 0.5, 0.7, 0.7, .nan, 0.1, nil]
    for (index, metric) in metrics.enumerated() {
      try run.write(10 * index, metric: metric, newest: 2)
      #expect(run.store.latestStep == 10 * index)
    }
    #expect(run.store.steps == [20, 50, 60])
    try run.write(70, metric: 0.9, newest: 1)
    #expect(run.store.steps == [70])
    #expect(try run.entries() == ["latest", "step-00000070"])
  }

  @Test("a run taken up again from an earlier set goes on from its own newest one and leaves later sets alone")
  func takenUpEarlier() throws {
    let run = try SampleRun()
    for step in [10, 20, 30] { try run.write(step) }
    try run.write(15, newest: 1)
    #expect(run.store.steps == [15, 20, 30])
    #expect(try run.store.openLatest { _ in }?.state.step == 15)
  }

  @Test("a set of a step that is there is replaced")
  func replaced() throws {
    let run = try SampleRun()
    try run.write(10)
    try run.store.write(
      SampleRun.state(10), model: SampleRun.tensors(99), optimizer: [], keeping: CheckpointRetention(newest: 1))
    #expect(try run.store.openLatest { _ in }?.model.floats(named: "w")[0] == 99)
    #expect(try run.entries() == ["latest", "step-00000010"])
  }

  @Test("what a crash left under temporary names is never opened, and removed by the next write")
  func staleTemporaries() throws {
    let run = try SampleRun()
    try run.write(10)
    // Oracle: the states of the directory after a kill at each point of a write of step 20.
    try FileManager.default.copyItem(atPath: run.path("step-00000010"), toPath: run.path(".writing-step-00000020"))
    try FileManager.default.createDirectory(
      atPath: run.path(".writing-removed-step-00000005"), withIntermediateDirectories: true)
    #expect(symlink("step-00000099", run.path(".writing-latest")) == 0)
    #expect(run.store.steps == [10])
    #expect(try run.store.openLatest { _ in Issue.record("no warning is due") }?.state.step == 10)
    try run.write(20)
    #expect(try run.entries() == ["latest", "step-00000010", "step-00000020"])
  }

  @Test("a crash between renaming a set and moving latest leaves the older set in force, and the next write mends it")
  func crashBeforeLatest() throws {
    let run = try SampleRun()
    try run.write(10)
    try run.write(20)
    #expect(unlink(run.path("latest")) == 0 && symlink("step-00000010", run.path("latest")) == 0)
    #expect(try run.store.openLatest { _ in }?.state.step == 10)
    try run.write(20)
    #expect(try run.store.openLatest { _ in }?.state.step == 20)
    #expect(unlink(run.path("latest")) == 0)
    #expect(try run.store.openLatest { _ in }?.state.step == 20)
  }

  @Test("a write that fails half-way is error 73 with the path, and leaves older sets and latest as they were")
  func failedWrite() throws {
    let run = try SampleRun()
    try run.write(10)
    let before = try run.entries()
    // The directory vanishes under the writer's hands, whoever runs the test (root may write anywhere).
    let vanishing = TensorToWrite("w", shape: [1]) { elements in
      elements[0] = 1
      try? FileManager.default.removeItem(atPath: run.path(".writing-step-00000020"))
    }
    let error = thrown(InputError.self) {
      try run.store.write(
        SampleRun.state(20), model: [vanishing], optimizer: [], keeping: CheckpointRetention(newest: 1))
    }
    #expect(error?.exitCode == .cannotWrite)
    #expect(
      error?.description.hasPrefix(
        "\(run.path(".writing-step-00000020/optimizer.safetensors")): cannot create: No such file or directory") == true
    )
    #expect(try run.entries() == before)
    #expect(try run.store.openLatest { _ in Issue.record("no warning is due") }?.state.step == 10)
  }

  @Test("an output directory that cannot be made is error 73 with the path", arguments: ["file/run", "/proc/run"])
  func unwritableDirectory(place: String) throws {
    let folder = try TemporaryDirectory()
    try folder.write("in the way", to: "file")
    let directory = place.hasPrefix("/") ? place : folder.file(place)
    let store = CheckpointStore(runDirectory: directory)
    let error = thrown(InputError.self) {
      try store.write(SampleRun.state(1), model: [], optimizer: [], keeping: CheckpointRetention(newest: 1))
    }
    #expect(error?.exitCode == .cannotWrite)
    #expect(error?.description.hasPrefix(directory) == true)
    #expect(error?.description.contains("cannot create: ") == true)
  }
}

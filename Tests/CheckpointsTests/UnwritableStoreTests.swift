import Foundation
import Tensors
import TestSupport
import Testing

@testable import Checkpoints

/// Oracle: the system's own words for what was done to the directory, and the sets that were there before.
@Suite struct UnwritableStoreTests {
  /// Writes the set of step 20 and returns its error, 73.
  private func failure(_ store: CheckpointStore, floats: Int = 4) -> String {
    let tensor = TensorToWrite("w", shape: [floats], [Float](repeating: 20, count: floats))
    let error = thrown(InputError.self) {
      try store.write(SampleRun.state(20), model: [tensor], optimizer: [], keeping: CheckpointRetention(newest: 1))
    }
    #expect(error?.exitCode == .cannotWrite)
    return error?.description ?? ""
  }

  private func expectStep10(_ store: CheckpointStore) throws {
    let entries = try FileManager.default.contentsOfDirectory(atPath: store.directory)
    #expect(entries.sorted() == ["latest", "step-00000010"])
    #expect(try store.openLatest { _ in Issue.record("no warning is due") }?.state.step == 10)
  }

  @Test("a run directory that vanished is error 73; none is made in its place, and the moved sets are whole")
  func vanishedRun() throws {
    let folder = try TemporaryDirectory()
    let (here, moved) = (folder.file("run"), folder.file("moved"))
    try FileManager.default.createDirectory(atPath: here, withIntermediateDirectories: true)
    let store = CheckpointStore(runDirectory: here)
    try SampleRun.write(10, to: store)
    try FileManager.default.moveItem(atPath: here, toPath: moved)
    #expect(failure(store).hasPrefix("\(here)/checkpoints: cannot create: No such file or directory"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["moved"])
    try expectStep10(CheckpointStore(runDirectory: moved))
  }

  @Test("the store of a run writes nothing into another directory that took the place of its own")
  func replacedRun() throws {
    let folder = try TemporaryDirectory()
    let (here, moved) = (folder.file("run"), folder.file("moved"))
    try FileManager.default.createDirectory(atPath: here, withIntermediateDirectories: true)
    let store = CheckpointStore(writingTo: try HeldDirectory(here))
    try SampleRun.write(10, to: store)
    try FileManager.default.moveItem(atPath: here, toPath: moved)
    // Another run's, with a set half written.
    try FileManager.default.createDirectory(
      atPath: "\(store.directory)/.writing-step-00000020", withIntermediateDirectories: true)
    #expect(failure(store).hasPrefix("\(here): the directory was moved or removed while the run was writing to it"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: store.directory) == [".writing-step-00000020"])
    try expectStep10(CheckpointStore(runDirectory: moved))
  }

  @Test("a directory that moves while a set is written keeps its old sets, and nothing is left where it was")
  func movedWhileWriting() throws {
    let folder = try TemporaryDirectory()
    let (here, moved) = (folder.file("run"), folder.file("moved"))
    try FileManager.default.createDirectory(atPath: here, withIntermediateDirectories: true)
    let store = CheckpointStore(writingTo: try HeldDirectory(here))
    try SampleRun.write(10, to: store)
    let tensor = TensorToWrite("w", shape: [1]) { buffer in
      rename(here, moved)
      buffer[0] = 1
    }
    let error = thrown(InputError.self) {
      try store.write(SampleRun.state(20), model: [tensor], optimizer: [], keeping: CheckpointRetention(newest: 1))
    }
    #expect(error?.description.hasPrefix("\(here): the directory was moved or removed") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["moved"])
    let sets = CheckpointStore(runDirectory: moved)
    #expect(sets.steps == [10] && sets.latestStep == 10)
  }

  @Test("a directory of sets that is moved away while a run writes to it is error 73, and none is made in its place")
  func movedSets() throws {
    let folder = try TemporaryDirectory()
    let run = folder.file("run")
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
    let store = CheckpointStore(writingTo: try HeldDirectory(run))
    try SampleRun.write(10, to: store)
    rename(store.directory, folder.file("moved"))
    let error = thrown(InputError.self) { try SampleRun.write(20, to: store) }
    #expect(error?.description.hasPrefix("\(store.directory): the directory was moved or removed") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: run).isEmpty)
    rename(folder.file("moved"), store.directory)
    try SampleRun.write(20, to: store)
    #expect(store.latestStep == 20)
  }

  @Test("a directory of sets that vanished is made again")
  func vanishedSets() throws {
    let run = try SampleRun()
    try run.write(10)
    try FileManager.default.removeItem(atPath: run.store.directory)
    try run.write(20)
    #expect(try run.entries() == ["latest", "step-00000020"])
  }

  @Test("a file in the place of the directory of sets is error 73 and stays")
  func replacedByFile() throws {
    let run = try SampleRun()
    try run.folder.write("mine", to: "checkpoints")
    #expect(failure(run.store).hasPrefix("\(run.store.directory): cannot create: File exists"))
    #expect(try String(contentsOfFile: run.store.directory, encoding: .utf8) == "mine")
  }

  @Test(
    "a full disk is error 73 in any file of the set; what was there stays and the space is free again",
    .enabled(if: MountedFolder.isAllowed, Comment(rawValue: MountedFolder.reason)), arguments: [0, 1, 2])
  func fullDisk(file: Int) throws {
    let disk = try MountedFolder(mebibytes: 1)
    let store = CheckpointStore(runDirectory: disk.path)
    try SampleRun.write(10, to: store)
    // Free pages for no file of the set, or for its model, or for its model and optimizer.
    try fill(disk.path, leavingPages: file)
    let place = ["model.safetensors", "optimizer.safetensors", "state.json"][file]
    #expect(
      failure(store, floats: 8).hasPrefix(
        "\(store.directory)/.writing-step-00000020/\(place): cannot write: No space left on device"))
    try expectStep10(store)
    try FileManager.default.removeItem(atPath: "\(disk.path)/filler")
    try SampleRun.write(20, to: store)
    #expect(store.latestStep == 20)
  }

  /// Takes all pages of a file system but some; a file of a set here needs one page, a directory none.
  private func fill(_ path: String, leavingPages pages: Int) throws {
    let result = try run(["dd", "if=/dev/zero", "of=\(path)/filler", "bs=4096"])
    #expect(result.errorOutput.contains("No space left on device"), "\(result)")
    let filler = try #require(FileHandle(forUpdatingAtPath: "\(path)/filler"))
    try filler.truncate(atOffset: try filler.seekToEnd() - UInt64(4096 * pages))
  }

  @Test(
    "a directory of sets that became read-only is error 73, and the sets there stay in use",
    .enabled(if: MountedFolder.isAllowed, Comment(rawValue: MountedFolder.reason)))
  func readOnly() throws {
    let disk = try MountedFolder(mebibytes: 1)
    let store = CheckpointStore(runDirectory: disk.path)
    try SampleRun.write(10, to: store)
    try disk.makeReadOnly(store.directory)
    #expect(failure(store).hasPrefix("\(store.directory)/.writing-step-00000020: cannot create: Read-only file system"))
    try expectStep10(store)
  }
}

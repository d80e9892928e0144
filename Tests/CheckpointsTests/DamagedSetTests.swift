import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

/// One way to spoil the set of step 20.
enum Damage: String, CaseIterable, Sendable {
  case modelMissing, modelCut, modelBit, optimizerMissing, optimizerBit, stateMissing, stateEmpty, stateBit
  case stateHashBit, allMissing

  func spoil(_ run: SampleRun) throws {
    let set = "step-00000020"
    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: run.path("\(set)/\(name)")) }
    func flip(_ name: String, at place: Int) throws {
      var bytes = try run.bytes("\(set)/\(name)")
      bytes[place < 0 ? bytes.count + place : place] ^= 4
      try run.replace("\(set)/\(name)", by: bytes)
    }
    switch self {
    case .modelMissing: try remove("model.safetensors")
    case .modelCut:
      try run.replace("\(set)/model.safetensors", by: run.bytes("\(set)/model.safetensors").dropLast(1))
    case .modelBit: try flip("model.safetensors", at: -1)
    case .optimizerMissing: try remove("optimizer.safetensors")
    case .optimizerBit: try flip("optimizer.safetensors", at: -10)
    case .stateMissing: try remove("state.json")
    case .stateEmpty: try run.replace("\(set)/state.json", by: [])
    case .stateBit: try flip("state.json", at: -30)
    case .stateHashBit: try flip("state.json", at: 20)
    case .allMissing:
      for name in ["model.safetensors", "optimizer.safetensors", "state.json"] { try remove(name) }
    }
  }

  /// What the message says beside the path.
  var words: String {
    switch self {
    case .modelMissing, .allMissing, .stateMissing, .optimizerMissing: "checkpoint set: expected a readable "
    case .modelCut: "model.safetensors: length: expected 112 bytes, got 111"
    case .modelBit: "model.safetensors: xxh64: expected "
    case .optimizerBit: "optimizer.safetensors: xxh64: expected "
    case .stateEmpty: "state.json: its xxh64: expected ef46db3751d8e999, got 0 bytes without it"
    case .stateBit, .stateHashBit: "state.json: its xxh64: expected "
    }
  }
}

@Suite struct DamagedSetTests {
  @Test(
    "a damaged set is named and the one before it is used; asked for by its own path it is error 65",
    arguments: Damage.allCases)
  func damaged(_ damage: Damage) throws {
    let run = try SampleRun()
    for step in [10, 20] { try run.write(step) }
    try damage.spoil(run)
    let warnings = Warnings()
    let set = try #require(try run.store.openLatest(warn: warnings.add))
    #expect(set.state.step == 10)
    #expect(warnings.texts.count == 1)
    #expect(warnings.texts.first?.hasPrefix("skipping the damaged checkpoint \(run.path("step-00000020")): ") == true)
    let error = thrown(InputError.self) {
      _ = try CheckpointReference.resolve(run.path("step-00000020")) { _ in Issue.record("no warning is due") }
    }
    #expect(error?.exitCode == .badData)
    #expect(error?.description.hasPrefix(run.path("step-00000020")) == true)
    #expect(error?.description.contains(damage.words) == true, "\(error?.description ?? "")")
  }

  /// Whether step 20 is passed over, by name, for step 10.
  private func isPassedOver(_ run: SampleRun) throws -> Bool {
    let warnings = Warnings()
    let set = try run.store.openLatest(warn: warnings.add)
    return set?.state.step == 10 && warnings.texts.count == 1 && warnings.texts[0].contains("step-00000020")
  }

  @Test(
    "any one flipped bit, and any shorter or longer length, of any file of a set is found",
    arguments: ["model.safetensors", "optimizer.safetensors", "state.json"])
  func everyByte(name: String) throws {
    let run = try SampleRun()
    for step in [10, 20] { try run.write(step) }
    let path = "step-00000020/\(name)"
    let sound = try run.bytes(path)
    for place in sound.indices {
      var bytes = sound
      bytes[place] ^= 1 << UInt8(place % 8)
      try run.replace(path, by: bytes)
      let isFound = try isPassedOver(run)
      #expect(isFound, "byte \(place)")
      try run.replace(path, by: Array(sound[..<place]))
      let isMissed = try isPassedOver(run)
      #expect(isMissed, "cut to \(place) bytes")
    }
    try run.replace(path, by: sound + [0])
    #expect(try isPassedOver(run))
    try run.replace(path, by: sound)
    #expect(try run.store.openLatest { _ in Issue.record("no warning is due") }?.state.step == 20)
  }

  @Test("a latest that names a missing set is told, and the one before it is used")
  func danglingLatest() throws {
    let run = try SampleRun()
    for step in [10, 20] { try run.write(step) }
    try FileManager.default.removeItem(atPath: run.path("step-00000020"))
    let warnings = Warnings()
    #expect(try run.store.openLatest(warn: warnings.add)?.state.step == 10)
    #expect(
      warnings.texts == ["\(run.path("latest")) names step-00000020, which is missing; using the one before it"])
  }

  @Test("when no set is sound the run is not started from nothing: error 65")
  func noneSound() throws {
    let run = try SampleRun()
    for step in [10, 20] {
      try run.write(step)
      try run.replace("\(CheckpointStore.name(ofStep: step))/state.json", by: [1])
    }
    let warnings = Warnings()
    let error = thrown(InputError.self) { try run.store.openLatest(warn: warnings.add) }
    #expect(error?.exitCode == .badData)
    #expect(warnings.texts.count == 2)
    #expect(error?.description.contains("none of the 2 checkpoint sets can be used") == true)
  }

  @Test(
    "a state of another format version, or that no run can have, is refused by its number",
    arguments: [
      ("\"formatVersion\" : 1", "\"formatVersion\" : 2", "formatVersion: expected 1, got 2; use the program that"),
      ("\"step\" : 10", "\"step\" : -10", "step: expected a number from 0 to 4294967295, got -10"),
      (
        "\"step\" : 10", "\"step\" : 9223372036854775807",
        "step: expected a number from 0 to 4294967295, got 9223372036854775807"
      ),
      ("\"step\" : 10", "\"step\" : 11", "step: expected 10, as the set is named, got 11"),
      ("\"epoch\" : 3", "\"epoch\" : -3", "epoch: expected a number from 0 to 10, got -3"),
      ("\"epoch\" : 3", "\"epoch\" : 11", "epoch: expected a number from 0 to 10, got 11"),
      (
        "\"positionInEpoch\" : 17", "\"positionInEpoch\" : -1",
        "positionInEpoch: expected a number from 0 to 9007199254740992, got -1"
      ),
      ("\"bestStep\" : 1", "\"bestStep\" : 12", "bestStep: expected a number from 0 to 10, got 12"),
      (
        "\"worldSize\" : 2", "\"worldSize\" : -9223372036854775808",
        "worldSize: expected a number from 1 to 16777216, got -9223372036854775808"
      ),
      (
        "\"worldSize\" : 2", "\"worldSize\" : 9223372036854775807",
        "worldSize: expected a number from 1 to 16777216, got 9223372036854775807"
      ),
    ])
  func impossibleState(original: String, replacement: String, expected: String) throws {
    let run = try SampleRun()
    try run.write(10)
    let text = String(decoding: try run.bytes("step-00000010/state.json"), as: UTF8.self)
    let start = try #require(text.range(of: "\"files\""))
    let rest = "  " + text[start.lowerBound...].replacing(original, with: replacement)
    // The file's own hash must be right for the state to be looked at: a first read tells it.
    try run.replace("step-00000010/state.json", by: Array(("{\n  \"xxh64\" : \"0000000000000000\",\n" + rest).utf8))
    let first = thrown(InputError.self) { try CheckpointSet(directory: run.path("step-00000010")) }
    let words = (first?.description ?? "").split(separator: " ")
    let place = try #require(words.firstIndex(of: "expected"))
    let hash = words[place + 1].dropLast()
    try run.replace("step-00000010/state.json", by: Array(("{\n  \"xxh64\" : \"\(hash)\",\n" + rest).utf8))
    let error = thrown(InputError.self) { try CheckpointSet(directory: run.path("step-00000010")) }
    #expect(error?.description.hasPrefix("\(run.path("step-00000010/state.json")): \(expected)") == true)
  }
}

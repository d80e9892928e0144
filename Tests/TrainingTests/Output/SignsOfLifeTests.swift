import Foundation
import TestSupport
import Testing

@testable import Training

/// Oracle: lock files that runs of this and of other hosts leave.
struct SignsOfLifeTests {
  private let folder: TemporaryDirectory
  private var path: String { folder.file("lock.json") }

  init() throws { folder = try TemporaryDirectory("life") }

  private func name(_ owner: RunOwner) throws {
    try folder.write(String(decoding: owner.line, as: UTF8.self), to: "lock.json")
  }

  private var stranger: RunOwner {
    var owner = RunOwner.ofThisProcess()
    owner.host = "another host"
    return owner
  }

  /// What so many looks find.
  private func looks(_ count: Int, _ life: inout SignsOfLife) -> [Bool] { (0..<count).map { _ in life.areSeen() } }

  @Test("no file and an empty file are no sign, in the second look")
  func none() throws {
    for _ in 1...2 {
      var life = SignsOfLife(path)
      #expect(looks(2, &life) == [true, false])
      #expect(life.since == nil)
      try folder.write("", to: "lock.json")
    }
  }

  @Test("a process of this host counts while it runs")
  func process() throws {
    var owner = RunOwner.ofThisProcess()
    try name(owner)
    var life = SignsOfLife(path)
    #expect(looks(3, &life) == [true, true, true])
    #expect(life.since == owner.since)
    owner.processStart += 1
    try name(owner)
    #expect(looks(2, &life) == [true, false])
  }

  @Test("a lock counts whoever has it, and is left as it is")
  func lock() throws {
    var life = SignsOfLife(path, silence: 0)
    do {
      let lock = try LockFile(path: path)
      #expect(lock.tryLock() == .locked)
      try lock.name(stranger)
      #expect(looks(3, &life) == [true, true, true])
      #expect(try LockFile(path: path).tryLock() == .refused)
    }
    #expect(looks(2, &life) == [true, false])
    #expect(try LockFile(path: path).tryLock() == .locked)
  }

  @Test("the file of another host counts while it is touched")
  func touched() throws {
    try name(stranger)
    var patient = SignsOfLife(path, silence: 3600)
    #expect(looks(3, &patient) == [true, true, true])
    var life = SignsOfLife(path, silence: 0)
    #expect(looks(2, &life) == [true, false])
  }
}

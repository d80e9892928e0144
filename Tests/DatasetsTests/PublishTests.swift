import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct PublishTests {
  private func inode(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int)
  }

  @Test("a finished file gets its name; a good one that is there already stays, a damaged one is replaced")
  func publishing() throws {
    let folder = try TemporaryDirectory("publish")
    let name = folder.file("index")
    func publishNew(_ text: String, keeping: Bool) throws -> Int {
      let temporary = try folder.write(text, to: "index.tmp")
      let number = try inode(temporary)
      try publish(temporary, as: name) { keeping }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["index"])
      return number
    }
    let first = try publishNew("first", keeping: false)
    #expect(try inode(name) == first)
    _ = try publishNew("second", keeping: true)
    #expect(try inode(name) == first)
    let third = try publishNew("third", keeping: false)
    #expect(try inode(name) == third)
    #expect(try String(contentsOfFile: name, encoding: .utf8) == "third")
  }

  @Test("a place that takes no file is code 73 and leaves nothing")
  func refused() throws {
    let folder = try TemporaryDirectory("publish")
    let temporary = try folder.write("text", to: "index.tmp")
    let error = thrown((any Error).self) { try publish(temporary, as: folder.file("no/index")) { true } }
    #expect("\(try #require(error))".contains("cannot be written"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}

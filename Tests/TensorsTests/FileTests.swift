import Foundation
import Tensors
import TestSupport
import Testing

/// Oracle: what the file system holds afterwards, and that nothing waits.
@Suite struct FileTests {
  @Test("only a regular file is opened for reading, and nothing is waited for")
  func kinds() throws {
    let folder = try TemporaryDirectory()
    #expect(mkfifo(folder.file("fifo"), 0o600) == 0)
    let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // A path of its own, relative so that it fits.
    let name = folder.file("s")
    try #require(name.utf8.count < MemoryLayout.size(ofValue: address.sun_path))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0)
    for (path, kind) in [
      (folder.file("fifo"), "a FIFO"), (folder.path, "a directory"), ("/dev/zero", "a device"),
      (name, "a socket or a device"),
    ] {
      do throws(ReadingFailure) {
        close(try openRegularFile(path).descriptor)
        Issue.record("\(path) was opened")
      } catch {
        guard case .kind(kind) = error else {
          Issue.record("\(path): \(error)")
          continue
        }
      }
    }
    #expect(throws: ReadingFailure.self) { try openRegularFile(folder.file("none")) }
    let (descriptor, status) = try openRegularFile(folder.write("four", to: "file"))
    close(descriptor)
    #expect(status.st_size == 4)
  }

  @Test("a file is replaced whole; a link of its name gives way, and what it led to stays as it was")
  func replacing() throws {
    let folder = try TemporaryDirectory()
    let (path, victim) = (folder.file("figures.json"), try folder.write("mine", to: "victim"))
    #expect(symlink(victim, path) == 0)
    try replaceFile(path, with: Array("new".utf8))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
    try replaceFile(path, with: [])
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["figures.json", "victim"])
  }

  @Test("names of temporary files cannot be known beforehand, and a planted link of such a name is not followed")
  func temporaryNames() throws {
    let folder = try TemporaryDirectory()
    let (path, victim) = (folder.file("a"), try folder.write("mine", to: "victim"))
    let names = (0..<1000).map { _ in temporaryName(beside: path) }
    #expect(Set(names).count == 1000 && names.allSatisfy { $0.hasPrefix("\(path).") })
    #expect(symlink(victim, names[0]) == 0)
    #expect(throws: WritingFailure.self) { try createFile(names[0]) }
    #expect(symlink(folder.file("absent"), names[1]) == 0)
    #expect(throws: WritingFailure.self) { try createFile(names[1]) }
    #expect(throws: WritingFailure.self) { try openFileForAppending(names[1]) }
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
    #expect(!FileManager.default.fileExists(atPath: folder.file("absent")))
  }

  @Test("what is no file is not replaced: a FIFO, a directory, a link to a device")
  func notReplaced() throws {
    let folder = try TemporaryDirectory()
    #expect(mkfifo(folder.file("fifo"), 0o600) == 0)
    #expect(symlink("/dev/null", folder.file("null")) == 0)
    #expect(mkdir(folder.file("folder"), 0o700) == 0)
    for name in ["fifo", "null", "folder"] {
      let error = thrown(WritingFailure.self) { try replaceFile(folder.file(name), with: [1]) }
      #expect(error?.reason.contains("expected a regular file or none") == true)
      #expect(throws: WritingFailure.self) { try requireReplaceable(folder.file(name)) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["fifo", "folder", "null"])
  }

  @Test("a directory is held by itself: moved, removed or replaced it is error 73, and back in its place it is fine")
  func held() throws {
    let folder = try TemporaryDirectory()
    let (path, moved) = (folder.file("run"), folder.file("moved"))
    #expect(mkdir(path, 0o700) == 0)
    let held = try HeldDirectory(path)
    try held.requireInPlace()
    #expect(rename(path, moved) == 0)
    for makesAnother in [false, true] {
      if makesAnother { #expect(mkdir(path, 0o700) == 0) }
      let error = thrown(InputError.self) { try held.requireInPlace() }
      #expect(error?.exitCode == .cannotWrite)
      #expect(error?.description.hasPrefix("\(path): the directory was moved or removed") == true)
    }
    #expect(rmdir(path) == 0 && rename(moved, path) == 0)
    try held.requireInPlace()
    // While it is held its number is given to no other one.
    #expect(rmdir(path) == 0 && mkdir(path, 0o700) == 0)
    #expect(throws: InputError.self) { try held.requireInPlace() }
  }
}

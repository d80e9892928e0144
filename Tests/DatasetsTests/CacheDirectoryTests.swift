import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Oracle: who owns a directory and who may write to it, as the system says.
@Suite struct CacheDirectoryTests {
  private func expectRefused(_ path: String, _ words: String) {
    for attempt in [CacheDirectory.create, CacheDirectory.requireTrusted] {
      let error = thrown(InputError.self) { try attempt(path) }
      #expect(error?.exitCode == .cannotWrite)
      #expect(error?.description.hasPrefix("\(path): ") == true && error?.description.contains(words) == true)
      #expect(error?.description.contains("set DROPBLOCK_CACHE to ") == true)
    }
  }

  @Test("the cache is this user's alone, whatever the mask; making it again is fine")
  func creation() throws {
    let folder = try TemporaryDirectory("cache")
    let path = folder.file("parent/cache")
    try CacheDirectory.requireTrusted(path)
    for _ in 0..<2 { try CacheDirectory.create(path) }
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o700)
  }

  @Test("one that others may write to is refused, with its mode and the remedy", arguments: [0o1777, 0o702])
  func writableByOthers(mode: Int) throws {
    let folder = try TemporaryDirectory("cache")
    let path = folder.file("cache")
    #expect(mkdir(path, 0o700) == 0 && chmod(path, mode_t(mode)) == 0)
    expectRefused(path, "(mode \(String(mode, radix: 8)))")
    expectRefused(path, "run chmod go-w \(path)")
    #expect(chmod(path, mode_t(mode & 0o7755)) == 0)
    try CacheDirectory.create(path)
  }

  @Test("one that the group may write to is taken where the group is the user's own, as the id command names them")
  func writableByTheGroup() throws {
    let folder = try TemporaryDirectory("cache")
    let path = folder.file("cache")
    #expect(mkdir(path, 0o700) == 0 && chmod(path, 0o770) == 0)
    let names = try ["-un", "-gn"].map { try run(["id", $0]).output }
    if names[0] == names[1] { try CacheDirectory.create(path) } else { expectRefused(path, "(mode 770)") }
    if geteuid() == 0 {
      #expect(chown(path, 0, 4242) == 0)
      expectRefused(path, "(mode 770)")
    }
  }

  @Test(
    "one of another user is refused", .enabled(if: geteuid() == 0, "giving a directory to another user needs root"))
  func foreign() throws {
    let folder = try TemporaryDirectory("cache")
    let path = folder.file("cache")
    #expect(mkdir(path, 0o700) == 0 && chown(path, 4242, 4242) == 0)
    expectRefused(path, "belongs to user 4242, expected user 0")
  }

  @Test("a link is followed where this user alone could make it, and refused where others could")
  func links() throws {
    let folder = try TemporaryDirectory("cache")
    let (real, link) = (folder.file("real"), folder.file("link"))
    #expect(mkdir(real, 0o700) == 0 && symlink(real, link) == 0)
    #expect(chmod(folder.path, 0o755) == 0)
    try CacheDirectory.create(link)
    // As the default place in the temporary directory is.
    #expect(chmod(folder.path, 0o1777) == 0)
    expectRefused(link, "a symbolic link that somebody else could have made")
    #expect(chmod(folder.path, 0o755) == 0)
    if geteuid() == 0 {
      #expect(lchown(link, 4242, 4242) == 0)
      expectRefused(link, "a symbolic link that somebody else could have made")
    }
  }

  @Test("what is no directory is refused")
  func notADirectory() throws {
    let folder = try TemporaryDirectory("cache")
    expectRefused(try folder.write("text", to: "file"), "expected a directory")
  }

  @Test("a set of shapes that lies in a cache of others is not taken")
  func plantedShapes() throws {
    let folder = try TemporaryDirectory("cache")
    let (cache, specification) = (folder.file("cache"), ShapesSpecification(trainCount: 1, validationCount: 1))
    #expect(mkdir(cache, 0o700) == 0 && mkdir("\(cache)/\(specification.folderName(.boxes))", 0o700) == 0)
    _ = try ShapesDataset.root(of: specification, cache: cache)
    #expect(chmod(cache, 0o777) == 0)
    #expect(throws: InputError.self) { try ShapesDataset.root(of: specification, cache: cache) }
  }
}

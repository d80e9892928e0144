import Testing

@testable import Tensors

@Suite struct FileSystemTests {
  /// As the kernel writes them: a root, a network mount with a blank in its name, one below it, and one over another.
  private let mounts = """
    21 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw
    30 21 0:30 / /home rw - nfs4 server:/home rw,vers=4.2
    31 30 0:31 / /home/my\\040disk rw master:1 - xfs /dev/vdb rw
    32 21 0:32 / /tmp rw - ext4 /dev/vdc rw
    33 32 0:33 / /tmp rw - tmpfs tmpfs rw
    broken line
    """

  @Test(
    "the deepest mount holds a path, and of several on one place the last",
    arguments: [
      ("/", "ext4"), ("/homes", "ext4"), ("/home", "nfs4"), ("/home/me/run", "nfs4"), ("/home/my disk/run", "xfs"),
      ("/tmp/x", "tmpfs"),
    ])
  func type(path: String, type: String) {
    #expect(FileSystem.type(of: path, mounts: mounts) == type)
  }

  @Test("this machine's are found, through links too; what is not there has none")
  func real() {
    #expect(FileSystem(holding: "/proc/self/fd")?.type == "proc")
    let root = FileSystem(holding: "/")
    #expect(root?.isShared == false && root?.freeBytes ?? 0 > 0)
    #expect(FileSystem(holding: "/no/such/place") == nil)
  }
}

import Foundation
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct MappedFileTests {
  @Test("a file is the same read and mapped, and a read one survives what happens to it", arguments: [0, 1, 3_000_001])
  func bytes(count: Int) throws {
    let folder = try TemporaryDirectory("mapped")
    let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let path = try folder.write(content, to: "file")
    #expect(try mappedBytes(of: path, isShared: false) == Data(content))
    let read = try mappedBytes(of: path, isShared: true)
    // Under a mapping this would end the process.
    #expect(truncate(path, 0) == 0)
    #expect(read == Data(content))
  }
}

import Foundation
import TestSupport
import Testing

@testable import Training

/// Oracle: the tree that `launch/install` makes.
@Suite struct InstalledProgramsTests {
  @Test("a program of a tree finds the one of another level beside it, wherever the tree lies; no other does")
  func sibling() throws {
    let tree = try TemporaryDirectory("tree")
    for name in ["x86-64-v3/program", "x86-64-v4/program", "build/program", "x86-64-v4/other"] {
      let file = tree.file(name)
      try FileManager.default.createDirectory(
        atPath: URL(fileURLWithPath: file).deletingLastPathComponent().path, withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: file))
      chmod(file, 0o755)
    }
    func found(_ name: String) -> String? { InstalledPrograms.sibling(of: tree.file(name), level: "x86-64-v3") }
    #expect(found("x86-64-v4/program") == tree.file("x86-64-v3/program"))
    #expect(found("x86-64-v3/program") == nil, "itself")
    #expect(found("x86-64-v4/other") == nil, "not built for the other level")
    #expect(found("build/program") == nil, "no tree")
    chmod(tree.file("x86-64-v3/program"), 0o644)
    #expect(found("x86-64-v4/program") == nil, "not a program")
  }
}

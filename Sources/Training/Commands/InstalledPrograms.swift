import Foundation
import Glibc
import Graph

/// The builds of an installed tree, one for each level of x86-64, of which this process is one (see `Sources/Launcher`).
public enum InstalledPrograms {
  /// The folder of the build for AVX2, beside those of the others.
  private static let levelOfAVX2 = "x86-64-v3"

  /// Becomes the tree's build for AVX2 where `planner.isa` asks for it and this is another build of a tree; returns where it
  /// does not, or there is no tree.
  ///
  /// Before MPI starts: the process begins again, with the same arguments and environment.
  public static func become(_ instructions: Configuration.InstructionLevel) {
    switch instructions {
    case .best: return
    case .avx2: break
    }
    guard let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
      let other = sibling(of: own, level: levelOfAVX2)
    else { return }
    execv(other, CommandLine.unsafeArgv)
  }

  /// The program of a level in the tree of another one's; nil for that program itself, and where there is none.
  static func sibling(of program: String, level: String) -> String? {
    let folder = URL(fileURLWithPath: program).deletingLastPathComponent()
    let name = URL(fileURLWithPath: program).lastPathComponent
    let path = folder.deletingLastPathComponent().appendingPathComponent(level).appendingPathComponent(name).path
    let isLevel = folder.lastPathComponent.hasPrefix("x86-64-v")
    return isLevel && path != program && access(path, X_OK) == 0 ? path : nil
  }
}

extension Configuration.InstructionLevel {
  /// Keeps oneDNN to the level, before the first plan.
  func limitLibrary() {
    switch self {
    case .best: break
    case .avx2: Engine.limitToAVX2()
    }
  }
}

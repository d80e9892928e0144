import CBuildInformation
import Distributed
import Graph
import Tensors

/// What this program was built from and what it runs on.
public enum BuildInformation {
  /// The commit, as the build was told through `DROPBLOCK_COMMIT`; the scripts in `launch/` tell it.
  ///
  /// SwiftPM has no truthful way to find it in a plain build (its own git information is cached with the manifest and
  /// goes stale), so such a build says `unknown`.
  public static var commit: String { String(cString: dropblock_commit()) }

  /// The answer to `--version`.
  public static var text: String {
    let lines = facts.dropFirst().map { "\(NumberText.left($0.name, 6)) \($0.value)" }
    return (["dropblock-dist, commit \(commit)"] + lines).joined(separator: "\n")
  }

  /// The same by name.
  static var facts: [RunEvent.Fact] {
    [
      RunEvent.Fact("commit", commit), RunEvent.Fact("oneDNN", Engine.libraryVersion),
      RunEvent.Fact("MPI", MPIEnvironment.libraryVersion()), RunEvent.Fact("CPU", cpuModel()),
    ]
  }
}

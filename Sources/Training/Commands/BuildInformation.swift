import CBuildInformation
import Distributed
import Graph

/// What this program was built from and what it runs on.
public enum BuildInformation {
  /// The commit, as the build was told through `DROPBLOCK_COMMIT`; the scripts in `launch/` tell it.
  ///
  /// SwiftPM has no truthful way to find it in a plain build (its own git information is cached with the manifest and
  /// goes stale), so such a build says `unknown`.
  public static var commit: String { String(cString: dropblock_commit()) }

  /// The answer to `--version`.
  public static var text: String {
    """
    dropblock-dist, commit \(commit)
    oneDNN \(Engine.libraryVersion)
    MPI    \(MPIEnvironment.libraryVersion())
    CPU    \(cpuModel())
    """
  }
}

import CBuildInformation
import Foundation
import Tensors

/// Whether this processor can run this build.
public enum ProcessorCheck {
  /// Throws 78 when the build uses instructions that the processor lacks: it would be killed in the first loop.
  public static func require() throws {
    let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = information.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    try require(String(cString: dropblock_required_features()), of: String(line))
  }

  /// The same for features and a processor's own list of them; an unknown processor passes.
  static func require(_ needed: String, of flags: String) throws {
    let present = Set(flags.split(separator: " "))
    let missing = needed.split(separator: " ").filter { !present.contains($0) }
    if present.isEmpty || missing.isEmpty { return }
    throw InputError(
      .badConfiguration,
      "this build needs a processor with \(missing.joined(separator: ", ")), which this one lacks; build it here, or for "
        + "every node's processor with DROPBLOCK_MARCH=x86-64-v3 launch/install PREFIX")
  }
}

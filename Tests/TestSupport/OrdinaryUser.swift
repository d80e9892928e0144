import Foundation

/// A user without rights, as whom a test starts what must not need any.
public enum OrdinaryUser {
  /// The number of such a user and of its group: `nobody` on most systems.
  public static let number: UInt32 = 65534

  /// What stands in front of a command, so that such a user runs it; nothing where this process is one itself.
  ///
  /// Nil where root runs the tests and such a user may not read and run `program`, for example below root's home.
  public static func prefix(running program: String) -> [String]? {
    if geteuid() != 0 { return [] }
    let words = ["setpriv", "--reuid=\(number)", "--regid=\(number)", "--clear-groups"]
    let tried = try? run(words + ["test", "-r", program, "-a", "-x", program])
    return tried?.exitCode == 0 ? words : nil
  }
}

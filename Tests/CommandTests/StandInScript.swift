import Foundation
import TestSupport
import Testing

extension TemporaryDirectory {
  /// Makes an entry that can be started, with the folders on its way: a script of sh that says these lines.
  ///
  /// Another process writes it: a command that some test starts meanwhile would inherit a file of this one that is open for
  /// writing, and what is open for writing cannot be run ("text file busy").
  func install(script lines: String, as name: String) throws {
    let text = try write("#!/bin/sh\n\(lines)\n", to: "script-\(UUID().uuidString)")
    let result = try run(["install", "-D", "-m", "755", text, file(name)])
    try #require(result.exitCode == 0, "\(result)")
    try FileManager.default.removeItem(atPath: text)
  }

  /// A search path on which what is installed as `bin/NAME` comes before the system's commands.
  var searchPath: String { "\(file("bin")):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")" }
}

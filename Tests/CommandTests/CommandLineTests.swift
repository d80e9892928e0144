import TestSupport
import Testing

/// Oracle: the documented exit codes and what `--help` and `--version` promise.
@Suite struct CommandLineTests {
  @Test(
    "a bad command line is code 64 with one message on standard error",
    arguments: [
      ["score"], ["score", "--annotations"], ["score", "--wrong"], ["no-such-command"], ["--wrong"],
    ])
  func usage(arguments: [String]) throws {
    let result = try runProgram(arguments)
    #expect(result.exitCode == 64, "\(result)")
    #expect(result.output.isEmpty)
    #expect(result.errorOutput.hasPrefix("error: "))
  }

  @Test(
    "an empty value is code 64 and names its option, or the argument's place",
    arguments: [
      (["train", "--config", ""], "--config"), (["train", "--output", ""], "--output"),
      (["--resume="], "--resume"), (["evaluate", "--checkpoint", ""], "--checkpoint"),
      (["evaluate", "--checkpoint", "x", "--json="], "--json"), (["bench", "--trace", ""], "--trace"),
      (["export", "--checkpoint", "x", "--output", ""], "--output"),
      (["score", "--annotations", "", "--results", "x"], "--annotations"),
      (["verify-resume", "--scratch", ""], "--scratch"),
      (["predict", "--checkpoint", "x", "--output", "y", ""], "argument 6"),
      (["predict", "--checkpoint", "x", "--output", "y", "--", "--a=", ""], "argument 8"),
    ])
  func empty(arguments: [String], place: String) throws {
    let result = try runProgram(arguments)
    #expect(result.exitCode == 64 && result.output.isEmpty, "\(result)")
    #expect(result.errorOutput.hasPrefix("error: \(place): expected a value, got an empty one; "), "\(result)")
  }

  @Test("of two ranks with the same bad command line one speaks, and mpirun returns 64")
  func usageUnderMPI() throws {
    // After a rank's failure mpirun waits twice this many seconds, whether other ranks are left or not.
    let result = try runProgram(
      ranks: 2, ["score", "--wrong"], environment: ["OMPI_MCA_odls_base_sigkill_timeout": "1"])
    #expect(result.exitCode == 64, "\(result)")
    #expect(result.errorOutput.split(separator: "\n").count { $0.hasPrefix("error: ") } == 1, "\(result)")
  }

  @Test("a mistake that only a rank other than the first meets is named by that rank")
  func usageOfOneRank() throws {
    let folder = try TemporaryDirectory("usage")
    // The first rank waits for the second one to join.
    let first = ["--output", folder.file("run"), "--set", "planner.algorithms=direct"]
    let result = try runPrograms(
      [first, ["--config", folder.file("none.yaml")]].map { [Locations.program] + $0 },
      environment: ["OMPI_MCA_odls_base_sigkill_timeout": "0", "DROPBLOCK_CACHE": folder.file("cache")])
    #expect(result.exitCode == 66, "\(result)")
    let messages = result.errorLines("error: ")
    #expect(messages.count == 1, "\(result)")
    let message = try #require(messages.first)
    #expect(message.contains("rank 1 on ") && message.contains("none.yaml: cannot read"))
  }

  @Test("the version names commit, oneDNN, MPI and CPU, once for all ranks")
  func version() throws {
    let result = try runProgram(["--version"])
    #expect(result.exitCode == 0)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 4)
    for (line, start) in zip(lines, ["dropblock-dist, commit ", "oneDNN ", "MPI    Open MPI ", "CPU    "]) {
      #expect(line.hasPrefix(start) && line.count > start.count, "\(line)")
    }
    #expect(try runProgram(ranks: 2, ["--version"]).output == result.output)
  }

  @Test("the help of every command has an example")
  func help() throws {
    let top = try runProgram(["--help"])
    #expect(top.exitCode == 0 && top.output.contains("Example:\n"))
    let list = try #require(top.output.split(separator: "SUBCOMMANDS:\n").last)
    // Names are indented by two; their continuation lines by more.
    let names = list.split(separator: "\n").compactMap { line -> String? in
      guard line.hasPrefix("  "), !line.hasPrefix("   "), !line.contains("See '") else { return nil }
      return line.split(separator: " ").first.map(String.init)
    }
    #expect(names.contains("score"))
    for name in names {
      let help = try runProgram([name, "--help"])
      #expect(help.exitCode == 0)
      #expect(help.output.contains("Example:\n"), "\(name)")
    }
  }
}

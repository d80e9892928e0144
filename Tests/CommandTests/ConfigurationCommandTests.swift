import TestSupport
import Testing

/// Oracle: the documented exit codes, and one message that names the place.
@Suite struct ConfigurationCommandTests {
  @Test("a bad configuration is code 78 on one rank and on two, with its message once", arguments: [1, 2])
  func unknownKey(ranks: Int) throws {
    let folder = try TemporaryDirectory("configuration")
    let file = try folder.write("model:\n  dept: 18\n", to: "a.yaml")
    let arguments = ["--config", file, "--output", folder.file("run")]
    let result =
      ranks == 1
      ? try runProgram(arguments)
      : try runProgram(ranks: ranks, arguments, environment: ["OMPI_MCA_odls_base_sigkill_timeout": "1"])
    #expect(result.exitCode == 78, "\(result)")
    let message = "error: \(file):2: model.dept: unknown key; did you mean \"model.depth\"?"
    #expect(result.errorOutput.split(separator: "\n").count { $0 == message } == 1, "\(result)")
    #expect(result.output.isEmpty)
  }

  @Test(
    "each mistake ends with its code and one line",
    arguments: [
      (["--set", "dropblock.keep_prob=2"], 78, "--set dropblock.keep_prob=2: dropblock.keep_prob: expected a number"),
      (["--set", "batch.global"], 78, "--set batch.global: expected key.path=value"),
      (["--config", "/no/such.yaml"], 66, "/no/such.yaml: cannot read the configuration: no such file"),
      (["--output", "/proc/run"], 73, "/proc/run: cannot create the directory: "),
      (["--set", "model.classes=0"], 78, "model.classes: expected a whole number from 1"),
    ])
  func oneLine(arguments: [String], code: Int32, message: String) throws {
    let folder = try TemporaryDirectory("configuration")
    let output = arguments.contains("--output") ? [] : ["--output", folder.file("run")]
    let result = try runProgram(arguments + output, environment: ["DROPBLOCK_CACHE": folder.file("cache")])
    #expect(result.exitCode == code, "\(result)")
    #expect(result.errorOutput.hasPrefix("error: ") && result.errorOutput.contains(message), "\(result)")
    #expect(result.errorOutput.split(separator: "\n").count == 1, "\(result)")
  }
}

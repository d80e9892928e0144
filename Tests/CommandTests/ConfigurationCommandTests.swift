import TestSupport
import Testing

/// Oracle: the documented exit codes, and one message that names the place.
@Suite struct ConfigurationCommandTests {
  @Test(
    "each mistake ends with its code and one line",
    arguments: [
      (["--set", "dropblock.keep_prob=2"], 78, "--set dropblock.keep_prob=2: dropblock.keep_prob: expected a number"),
      (["--set", "batch.global"], 78, "--set batch.global: expected key.path=value"),
      (["--config", "/no/such.yaml"], 66, "/no/such.yaml: cannot read the configuration: no such file"),
      (["--output", "/proc/run"], 73, "/proc/run: cannot create the directory: "),
      (["--set", "model.name=resnet"], 78, "model.name: expected retinanet, got resnet, which only bench"),
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

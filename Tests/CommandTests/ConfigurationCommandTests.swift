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
      (
        ["--set", "dropblock.groups=[4]", "--set", "dropout.groups=[4]"], 78,
        "--set dropout.groups=[4]: dropout.groups: expected groups for at most one regulariser"
      ),
      (
        ["--set", "dropblock.mode=mmdetection", "--set", "dropblock.block_size=4"], 78,
        "dropblock.mode: mmdetection takes odd blocks only, not 4; got blocks of 4 on a map of "
      ),
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

  @Test("keys shows a section, and all as a page; a name that is none and a name beside the page are errors 64")
  func keys() throws {
    let section = try runProgram(["keys", "random"])
    #expect(section.exitCode == 0 && section.output.hasPrefix("random.seed: a whole number from 0"), "\(section)")
    let page = try runProgram(["keys", "--markdown"])
    #expect(
      page.exitCode == 0 && page.output.contains("\n| `batch.per_rank` | Images of one rank in one pass."), "\(page)")
    try runProgram(["keys", "dropblok"]).expectError(64, ["keys: dropblok: unknown key; did you mean \"dropblock\"?"])
    try runProgram(["keys", "--markdown", "loss"]).expectError(64, ["--markdown: expected no names"])
  }
}

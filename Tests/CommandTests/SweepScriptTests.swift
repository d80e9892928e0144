import Foundation
import TestSupport
import Testing

/// Oracle: the run that each task of an array is to train, word by word.
@Suite struct SweepScriptTests {
  /// A copy of the script with a `train.sbatch` that prints its arguments, in folders whose names have blanks, and a
  /// `scontrol` that tells the job's command line as Slurm does: with the arguments and without quotes.
  private struct Scripts {
    let folder: TemporaryDirectory
    let sweep: String

    init() throws {
      folder = try TemporaryDirectory("sweep")
      for name in ["my  scripts", "data *"] {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
      }
      sweep = folder.file("my  scripts/sweep it.sbatch")
      try FileManager.default.copyItem(
        atPath: "\(Locations.packageRoot)/launch/slurm/sweep.sbatch", toPath: sweep)
      try folder.write("printf '%s\\n' \"$@\"\n", to: "my  scripts/train.sbatch")
      try folder.install(script: "printf '   Command=%s\\n   WorkDir=/\\n' \"$COMMAND\"", as: "bin/scontrol")
    }

    /// Runs a task of the array in the folder of the configurations.
    func run(_ task: Int, _ arguments: [String]) throws -> CommandResult {
      try TestSupport.run(
        ["bash", sweep] + arguments,
        environment: [
          "PATH": folder.searchPath, "COMMAND": ([sweep] + arguments).joined(separator: " "),
          "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "\(task)", "DROPBLOCK_RUNS": "/scratch/my runs",
        ], directory: folder.file("data *"))
    }

    /// The words that `train.sbatch` got in a task.
    func words(_ task: Int, _ arguments: [String]) throws -> [String] {
      let result = try run(task, arguments)
      #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result)")
      return result.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
  }

  @Test(
    "names with blanks, leading dashes and stars are whole words; a name beyond plain letters gives way to the file's")
  func oddNames() throws {
    let scripts = try Scripts()
    let files = [
      "two words.yaml": "name: \"the first\"\n", "-x.yaml": "", "*.yaml": "", "plain.yaml": "name: a-name\n",
      "$(id) 'q'.yaml": "name: a;b\n",
    ]
    for (name, text) in files { try scripts.folder.write(text, to: "data */\(name)") }
    let given = [
      "two words.yaml", "-x.yaml", "*.yaml", "plain.yaml", "$(id) 'q'.yaml", "--", "--set", "data.root=/a b",
    ]
    let names = ["two words", "-x", "*", "a-name", "$(id) 'q'"]
    for (task, name) in names.enumerated() {
      #expect(
        try scripts.words(task, given) == [
          "--config=\(given[task])", "--output=/scratch/my runs/\(name)", "--set", "data.root=/a b",
        ])
    }
  }

  @Test("a line of a sweep is words as in a shell, and its options are its run's alone")
  func lines() throws {
    let scripts = try Scripts()
    try scripts.folder.write(
      """
      # A comment.
      plain a.yaml --set x=1

      'two words' "b c.yaml" --set 'data.root=/a b' --set y=*
      none a.yaml
      """, to: "data */rates of.sweep")
    let given = ["rates of.sweep"]
    #expect(
      try scripts.words(0, given) == ["--config=./a.yaml", "--output=/scratch/my runs/plain", "--set", "x=1"])
    #expect(
      try scripts.words(1, given) == [
        "--config=./b c.yaml", "--output=/scratch/my runs/two words", "--set", "data.root=/a b", "--set", "y=*",
      ])
    #expect(try scripts.words(2, given) == ["--config=./a.yaml", "--output=/scratch/my runs/none"])
  }

  @Test(
    "a name that is no folder's is refused, and what is missing is named",
    arguments: [
      ("name: ..\n", "up.yaml"), ("name: .\n", "here.yaml"), ("", "...yaml"), (".. a.yaml\n", "a.sweep"),
      ("a/../../b a.yaml\n", "b.sweep"), ("alone\n", "c.sweep"),
    ])
  func refused(text: String, name: String) throws {
    let scripts = try Scripts()
    try scripts.folder.write(text, to: "data */\(name)")
    let result = try scripts.run(0, [name])
    #expect(result.exitCode == 64 && result.output.isEmpty, "\(result)")
    #expect(result.errorOutput.hasPrefix("sweep: ") && result.errorOutput.contains(name), "\(result)")
    #expect(try scripts.run(0, ["missing file.yaml"]).errorOutput.contains("cannot read missing file.yaml"))
  }

  @Test("the line that starts it can be pasted, whatever the names are")
  func advice() throws {
    let scripts = try Scripts()
    try scripts.folder.write("", to: "data */two words.yaml")
    let result = try scripts.run(1, ["two words.yaml"])
    #expect(result.exitCode == 64, "\(result)")
    #expect(result.errorOutput.contains("--array=0-0 '\(scripts.sweep)' 'two words.yaml'"), "\(result)")
  }
}

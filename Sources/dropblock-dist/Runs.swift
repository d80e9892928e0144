import ArgumentParser
import Training

/// `runs`: what became of the runs of a folder.
struct Runs: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "List runs with their state and their best result.",
    discussion: """
      Example:
        dropblock-dist runs
      """)

  @Argument(help: ArgumentHelp("Folders that hold run directories.", valueName: "folder"))
  var folders = ["runs"]

  func run() throws {
    try RunListRequest(folders: folders).run(Console(style: .plain, waitsForReader: true))
  }
}

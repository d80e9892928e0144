import ArgumentParser
import Training

/// `keys`: what may stand in a configuration.
struct Keys: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the keys of a configuration with meaning, values and defaults.",
    discussion: """
      Example:
        dropblock-dist keys dropblock train.length
      """)

  @Argument(help: ArgumentHelp("Keys or sections (default: all).", valueName: "key"))
  var names: [String] = []

  @Flag(help: "Write all keys as the page of the documentation.")
  var markdown = false

  func run() throws {
    try KeyListRequest(names: names, isMarkdown: markdown).run(Console(style: .plain, waitsForReader: true))
  }
}

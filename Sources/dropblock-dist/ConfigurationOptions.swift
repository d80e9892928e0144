import ArgumentParser
import Training

/// The options that name a configuration.
struct ConfigurationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Configuration file; the built-in one without it.", valueName: "file"))
  var config: String?

  @Option(name: .customLong("set"), help: ArgumentHelp("Replace one value.", valueName: "key.path=value"))
  var overrides: [String] = []

  /// The configuration of a command that has no checkpoint to take it from.
  ///
  /// - Parameter builtIn: the text that stands in for `--config`.
  func load(builtIn: String = Configuration.smoke) throws -> Configuration {
    try Configuration.load(file: config, builtIn: builtIn, overrides: overrides)
  }

  /// The configuration of a command with a checkpoint, which holds one itself.
  var ofCheckpoint: CheckpointConfiguration { CheckpointConfiguration(file: config, overrides: overrides) }
}

/// The option that names a checkpoint.
struct CheckpointOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Run directory, checkpoint set or .safetensors file.", valueName: "path"))
  var checkpoint: String
}

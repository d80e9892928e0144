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
    let configuration = try Configuration.load(file: config, builtIn: builtIn, overrides: overrides)
    InstalledPrograms.become(configuration.planner.instructions)
    return configuration
  }

  /// The configuration of a command with a checkpoint, which holds one itself.
  ///
  /// That one is read when MPI has started, too late to become another program: `planner.isa` has to be said again.
  var ofCheckpoint: CheckpointConfiguration {
    if overrides.contains("planner.isa=avx2") { InstalledPrograms.become(.avx2) }
    return CheckpointConfiguration(file: config, overrides: overrides)
  }
}

/// The option that names a checkpoint.
struct CheckpointOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Run directory, checkpoint set or .safetensors file.", valueName: "path"))
  var checkpoint: String
}

extension Configuration {
  /// The text of `configs/smoke.yaml`, which a run without `--config` trains.
  public static let smoke = #"""
    # What a bare run trains: a small detector on drawn shapes, sized for 2 cores and a few minutes.
    #
    #   mpirun -np 2 dropblock-dist
    #
    # The program holds a copy of this file.
    name: smoke
    data:
      kind: shapes
      shapes:
        size: 128
        train_images: 400
        val_images: 80
    input:
      size: 128
      scale_min: 0.8
      scale_max: 1.2
      evaluation:
        size: 128
    model:
      form: paper
      depth: 18
      classes: 5
    batch_norm:
      decay: 0.9  # The official 0.997 is too slow for a short run.
    dropblock:
      groups: [3, 4]
      block_size: 3
      keep_prob: 0.9
    batch:
      per_rank: 4
    learning_rate:
      warmup: 50 steps
      schedule: cosine
    train:
      length: 400 steps
      checkpoint_every: 200 steps
      log_every: 10

    """#

  /// The configuration of `--config FILE`, or the built-in one without it.
  ///
  /// - Throws: `ConfigurationError`.
  public static func load(file: String?, overrides: [String] = []) throws -> Configuration {
    if let file { return try Configuration(file: file, overrides: overrides) }
    return try Configuration(text: smoke, name: "smoke", overrides: overrides)
  }
}

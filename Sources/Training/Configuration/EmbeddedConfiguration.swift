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

  /// The text of `configs/retinanet-r50-bench.yaml`, which `bench` measures without `--config`.
  public static let retinaNetBenchmark = #"""
    # RetinaNet-R50-FPN at 640 x 640 for `bench` and for comparison with PyTorch: torchvision's heads, 91 classes,
    # batch-norm and stem trained.
    #
    #   dropblock-dist bench                                                        1 rank, all its cores, 2 images
    #   mpirun -np 2 --map-by ppr:2:node:pe=1 --bind-to core dropblock-dist bench --set batch.per_rank=1
    #
    # With DropBlock: --set "dropblock.groups=[3, 4]"; what it costs: --compare-dropblock 20 besides.
    # Real images: --set bench.input=data --set data.root=/data/coco
    #
    # The program holds a copy of this file.
    name: retinanet-r50-bench
    bench:
      input: synthetic
    data:
      kind: coco
    input:
      size: 640
      scale_min: 0.8
      scale_max: 1.2
      evaluation:
        bounds: [256, 320]
    model:
      form: torchvision
      depth: 50
      classes: 91
    batch:
      per_rank: 2
    learning_rate:
      peak: 0.001
      reference_batch: 2
      warmup: 5 steps
    train:
      length: 10 steps
      log_every: 1

    """#

  /// The configuration of `--config FILE`, or without it a built-in one, which states its own name.
  ///
  /// - Throws: `ConfigurationError`.
  public static func load(
    file: String?, builtIn: String = smoke, overrides: [String] = []
  ) throws -> Configuration {
    if let file { return try Configuration(file: file, overrides: overrides) }
    return try Configuration(text: builtIn, name: "built-in", overrides: overrides)
  }
}

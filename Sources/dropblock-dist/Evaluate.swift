import ArgumentParser
import Training

/// `evaluate`: the figures of a checkpoint on the validation images, on all ranks.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Evaluate a checkpoint on the validation images, on all ranks.",
    discussion: """
      A detector's figures are COCO's and the losses of training, with running
      statistics: each image divided by its own positives, mean over all images.

      With --dropblock, DropBlock acts in the evaluation (Figure 5 of the paper): in
      the paper's form, with masks that belong to an image's number and the seed.
      Kept values are scaled up by their share of a batch, a detector's of one image.
      Neither depends on the ranks, so the figures do not.

      It acts in the groups that the checkpoint was trained with, else in groups 3
      and 4 or, where the network lacks one of these, in all; at dropblock.sites of
      the configuration. All groups have the same keep_prob, for what is known of the
      figure says nothing else; group_scaling=true gives each group before the last a
      quarter of the next one's drop rate, as the paper does in training.

      Example:
        mpirun -np 2 dropblock-dist evaluate --checkpoint runs/smoke \\
          --json figures.json
        mpirun -np 2 dropblock-dist evaluate --checkpoint runs/smoke \\
          --dropblock keep_prob=0.9,block_size=7
      """)

  @OptionGroup var trained: CheckpointOptions
  @OptionGroup var source: ConfigurationOptions

  @Option(
    help: ArgumentHelp(
      "DropBlock that acts: keep_prob=P,block_size=B[,groups=3+4][,group_scaling=true][,seed=N]; seed is 1 without it.",
      valueName: "settings"))
  var dropblock: String?

  @Option(help: ArgumentHelp("Write the figures here as JSON.", valueName: "file"))
  var json: String?

  func run() throws {
    EvaluateRequest(
      checkpoint: trained.checkpoint, configuration: source.ofCheckpoint,
      dropBlock: try dropblock.map { try DropBlockOption($0) }, json: json
    ).run()
  }
}

import Tensors

/// Everything that decides what a run computes, where it reads and what it writes.
///
/// The sections' property documentation gives units and ranges; a property's initial value is its default, and where
/// the two forms of RetinaNet were published with different values, the default follows `model.form`.
public struct Configuration: Equatable, Sendable {
  /// Name of the experiment: the run directory is `runs/NAME` unless told otherwise; by default the file's name.
  public var name = "unnamed"
  /// Type of activations and weights inside the network; master weights, statistics and losses are `f32` always.
  public var precision = Precision.f32
  /// Which runs of the same configuration give the same bits.
  public var reproducible = Reproducibility.sameRanks
  /// Compute threads of a rank, from 1; nil takes `OMP_NUM_THREADS`, `SLURM_CPUS_PER_TASK` or the bound cores.
  public var threadsPerRank: Int?
  /// Where images and annotations come from.
  public var data: Data
  /// How an image becomes the network's input.
  public var input: Input
  /// Which network, and what it starts from.
  public var model: Model
  /// Batch normalisation.
  public var batchNorm: BatchNorm
  /// DropBlock.
  public var dropBlock: DropBlock
  /// Dropout of single elements.
  public var dropout: Dropout
  /// SpatialDropout: Dropout of whole channels.
  public var spatialDropout: Dropout
  /// DropPath.
  public var dropPath: DropPath
  /// The losses of a detector, and that of a classifier.
  public var loss: Loss
  /// Images in a step, and who owns the number.
  public var batch: Batch
  /// How the weights follow their gradients.
  public var optimizer: Optimizer
  /// The learning rate over the steps.
  public var learningRate: LearningRate
  /// Length of the run and what happens periodically.
  public var train: Train
  /// Random numbers.
  public var random: Random
  /// How the plan chooses algorithms.
  public var planner: Planner
  /// Communication between ranks.
  public var distributed: Distributed
  /// The sum of gradients over ranks.
  public var allreduce: Allreduce
  /// What `bench` measures with.
  public var benchmark: Benchmark
  /// Where the keys were stated.
  var places = StatedPlaces()

  /// The defaults of a form, and what a network has in their place.
  public init(form: ModelForm = .paper, network: ModelName = .retinaNet) {
    data = Data(form: form)
    input = Input(form: form)
    model = Model(form: form)
    batchNorm = BatchNorm(form: form)
    dropBlock = DropBlock(form: form)
    dropout = Dropout(form: form)
    dropout.keepProbability = 0.7
    spatialDropout = Dropout(form: form)
    dropPath = DropPath(form: form)
    loss = Loss(form: form)
    batch = Batch(form: form)
    optimizer = Optimizer(form: form)
    learningRate = LearningRate(form: form)
    train = Train(form: form)
    random = Random(form: form)
    planner = Planner(form: form)
    distributed = Distributed(form: form)
    allreduce = Allreduce(form: form)
    benchmark = Benchmark(form: form)
    model.name = network
    network.setDefaults(of: &self)
  }

  /// Every key, in the order in which it is written; none that nothing reads beside the others is stated or written.
  static var keys: [ConfigurationKey<Self>] {
    allKeys.map { key in key.idle { $0.reasonNothingReads(key.path) } }
  }

  private static var allKeys: [ConfigurationKey<Self>] {
    // One list of a stated type, and no chain of sums: type checkers before Swift 6.2 never finish that.
    let parts: [[ConfigurationKey<Self>]] = [
      [
        ConfigurationKey(
          "name",
          """
          Name of the experiment: the run directory is runs/NAME unless --output says otherwise. By default the \
          file's name.
          """,
          \.name, mayChangeOnResume: true),
        ConfigurationKey(
          "precision",
          "Type of activations and weights inside the network. Master weights, statistics and losses are f32 always.",
          \.precision),
        ConfigurationKey(
          "reproducible",
          """
          Which runs give the same bits: those with the same number of ranks, or those with 1, 2, 4, ... ranks, \
          whose global batch is cut into fixed shards.
          """,
          \.reproducible),
        ConfigurationKey(
          "threads_per_rank",
          "Compute threads of a rank; null takes OMP_NUM_THREADS, SLURM_CPUS_PER_TASK or the bound cores.",
          \.threadsPerRank, .from(1, to: 1024)),
      ],
      .section("data", \.data),
      .section("input", \.input),
      .section("model", \.model),
      .section("batch_norm", \.batchNorm),
      .section("dropblock", \.dropBlock),
      .section("dropout", \.dropout),
      .section("spatial_dropout", \.spatialDropout),
      .section("drop_path", \.dropPath),
      .section("loss", \.loss),
      .section("batch", \.batch),
      .section("optimizer", \.optimizer),
      .section("learning_rate", \.learningRate),
      .section("train", \.train),
      .section("random", \.random),
      .section("planner", \.planner),
      .section("distributed", \.distributed),
      .section("allreduce", \.allreduce),
      .section("bench", \.benchmark),
    ]
    return parts.flatMap { $0 }
  }
}

extension Precision: ConfigurationChoice {}

extension Configuration {
  /// Which runs of the same configuration give the same bits, on one kind of processor and with one number of threads a
  /// rank.
  public enum Reproducibility: String, ConfigurationChoice, Sendable {
    /// Those with the same number of ranks.
    case sameRanks = "same_ranks"
    /// Those with 1, 2, 4, ... ranks: fixed shards of the global batch act as ranks, and are summed in one fixed tree.
    case acrossRanks = "across_ranks"
  }
}

extension [ConfigurationKey<Configuration>] {
  /// The keys of a section of the configuration.
  static func section<Section: ConfigurationSection>(
    _ name: String, _ property: WritableKeyPath<Configuration, Section>
  ) -> Self {
    ConfigurationKey.section(name, property)
  }
}

extension Configuration {
  /// Over what a statistic or normaliser is computed.
  public enum Scope: String, ConfigurationChoice, Sendable {
    /// Each rank for itself.
    case local
    /// All ranks together.
    case global
  }
}

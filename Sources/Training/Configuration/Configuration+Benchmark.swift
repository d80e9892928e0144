import Tensors

extension Configuration {
  /// What `bench` measures with.
  public struct Benchmark: ConfigurationSection {
    /// Where the batches come from.
    public var input = BenchmarkInputKind.synthetic

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "input",
          """
          Where the batches of bench come from: one random batch, or the training images, decoded while the \
          steps run.
          """,
          \.input, mayChangeOnResume: true)
      ]
    }
  }

  /// Where the batches of a benchmark come from.
  public enum BenchmarkInputKind: String, ConfigurationChoice, Sendable {
    /// One random batch a rank, made before the first step; no files are read.
    case synthetic
    /// The training images, decoded and augmented while the steps run.
    case data
  }
}

extension Configuration {
  /// Where images and annotations come from.
  public struct Data: ConfigurationSection {
    /// What kind of data set it is.
    public var kind = Kind.coco
    /// Directory that holds the data set, possibly read-only; nil is `$DROPBLOCK_DATA`.
    public var root: String?
    /// The training images.
    public var train = Split()
    /// The images that are evaluated.
    public var validation = Split()
    /// Unreadable images and boxes without area that training leaves out and names before it gives up, from 0.
    public var maxFaults = 100
    /// Threads of a rank that decode and augment, from 1.
    public var workers = 1
    /// Batches prepared ahead of the step, from 1; each holds 12 bytes a pixel of its images.
    public var prefetchDepth = 2
    /// Whether training decodes a JPEG image that is to be shrunk to a half, a quarter or an eighth at that scale.
    ///
    /// It is faster, and means over pixels that the resize would skip. Evaluation and prediction always decode all.
    public var usesScaledDecoding = true
    /// The generated data set, for `kind: shapes`.
    public var shapes: Shapes

    init(form: ModelForm) {
      shapes = Shapes(form: form)
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("kind", \.kind),
        ConfigurationKey(path: "root", \.root, mayChangeOnResume: true),
      ] + ConfigurationKey.section("train", \.train) + ConfigurationKey.section("val", \.validation) + [
        ConfigurationKey("max_faults", \.maxFaults, .from(0), mayChangeOnResume: true),
        ConfigurationKey("workers", \.workers, .from(1, to: 256), mayChangeOnResume: true),
        ConfigurationKey("prefetch_depth", \.prefetchDepth, .from(1, to: 64), mayChangeOnResume: true),
        ConfigurationKey("scaled_decoding", \.usesScaledDecoding),
      ] + ConfigurationKey.section("shapes", \.shapes)
    }
  }

  /// Kinds of detection data sets.
  public enum Kind: String, ConfigurationChoice, Sendable {
    /// Annotations in a COCO JSON file, images in a directory.
    case coco
    /// Drawn objects over textured backgrounds, generated on first use.
    case shapes
  }

  /// The files of the training or the validation images.
  ///
  /// Nil stands for COCO 2017's place under `data.root`: `annotations/instances_train2017.json` and `train2017/`, or
  /// `val2017`. Relative paths start at the configuration file, as everywhere.
  public struct Split: ConfigurationSection {
    /// COCO JSON file.
    public var annotations: String?
    /// Directory of the image files.
    public var images: String?

    init() {}
    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(path: "annotations", \.annotations, mayChangeOnResume: true),
        ConfigurationKey(path: "images", \.images, mayChangeOnResume: true),
      ]
    }
  }

  /// What the generated data set consists of.
  public struct Shapes: ConfigurationSection {
    /// Height and width of the generated images in pixels.
    public var size = ImageSize(height: 192, width: 192)
    /// Number of training images, from 1.
    public var trainImages = 400
    /// Number of validation images, from 1.
    public var validationImages = 80
    /// Seed of the drawings; another seed gives another data set.
    public var seed: UInt64 = 1

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("size", \.size, .from(32, to: 4096)),
        ConfigurationKey("train_images", \.trainImages, .from(1, to: 1_000_000)),
        ConfigurationKey("val_images", \.validationImages, .from(1, to: 1_000_000)),
        ConfigurationKey("seed", \.seed),
      ]
    }
  }
}

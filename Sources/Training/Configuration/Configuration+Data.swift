import Datasets
import Tensors

extension OrientationRule: ConfigurationChoice {}

extension Configuration {
  /// Where images and annotations come from.
  public struct Data: ConfigurationSection {
    /// What kind of data set it is.
    public var kind = Kind.coco
    /// Directory that holds the data set, possibly read-only; nil is `$DROPBLOCK_DATA`.
    ///
    /// In it, as in the paths of class directories, `\x` and two hexadecimal digits stand for a byte that is not UTF-8.
    public var root: String?
    /// The training images.
    public var train = Split()
    /// The images that are evaluated.
    public var validation = Split()
    /// Unreadable images, and boxes without area or outside their image, that training leaves out and names before it gives
    /// up, from 0; more than half of the images or objects are always too many.
    public var maxFaults = 100
    /// Threads of a rank that decode and augment, from 1.
    public var workers = 1
    /// Batches prepared ahead of the step, from 1; each holds 12 bytes a pixel of its images, of grey ones 4.
    public var prefetchDepth = 2
    /// Whether training decodes a JPEG image that is to be shrunk to a half, a quarter or an eighth at that scale.
    ///
    /// It is faster, and means over pixels that the resize would skip. Evaluation and prediction always decode all.
    public var usesScaledDecoding = true
    /// Whether an image whose file states an EXIF orientation is turned: training, evaluation and prediction alike.
    ///
    /// By default only where it has the size in its annotations then and not as stored; predicted images and those of
    /// class folders have no annotations, and are taken as stored.
    public var orientation = OrientationRule.auto
    /// Text file with the names of a segmentation's classes, one a line in the order of the masks' numbers; nil is
    /// `classes.txt` below the root where it is there, and PASCAL VOC's 21 classes for a model of 21.
    public var classes: String?
    /// The generated data set, for `kind: shapes`.
    public var shapes: Shapes

    init(form: ModelForm) {
      shapes = Shapes(form: form)
    }

    static var keys: [ConfigurationKey<Self>] {
      // One list of a stated type, as in `Configuration.allKeys`.
      let parts: [[ConfigurationKey<Self>]] = [
        [
          ConfigurationKey(
            "kind",
            """
            The data set: coco for detectors; shapes, generated on first use, for detectors and segmentations; voc \
            for segmentations; the others for classifiers.
            """,
            \.kind),
          ConfigurationKey(
            path: "root",
            """
            Directory that holds the data set; may be read-only. null is $DROPBLOCK_DATA. In paths, \\x and two \
            hexadecimal digits stand for a byte that is not UTF-8.
            """,
            \.root, mayChangeOnResume: true),
        ],
        ConfigurationKey.section("train", \.train),
        ConfigurationKey.section("val", \.validation),
        [
          ConfigurationKey(
            "max_faults",
            """
            Unreadable images, and boxes without area or outside their image, that training leaves out and counts \
            before it gives up. More than half of the images or objects are always too many.
            """,
            \.maxFaults, .from(0), mayChangeOnResume: true),
          ConfigurationKey(
            "workers",
            "Threads of a rank that decode and augment.", \.workers, .from(1, to: 256), mayChangeOnResume: true
          ),
          ConfigurationKey(
            "prefetch_depth",
            """
            Batches that a rank prepares ahead of the step; each holds 12 bytes a pixel of its images, of grey \
            ones 4.
            """,
            \.prefetchDepth, .from(1, to: 64), mayChangeOnResume: true),
          ConfigurationKey(
            "scaled_decoding",
            """
            Whether training decodes a JPEG image that is to be shrunk to a half, a quarter or an eighth at that \
            scale. Evaluation and prediction decode all of it.
            """,
            \.usesScaledDecoding),
          ConfigurationKey(
            "orientation",
            """
            Whether an image whose file states an EXIF orientation is turned: only where it then has the size in \
            its annotations (auto), always, or never.
            """,
            \.orientation),
          ConfigurationKey(
            path: "classes",
            """
            Text file with the names of a segmentation's classes, one a line in the order of the masks' numbers. \
            null is classes.txt below the root where it is there, and PASCAL VOC's names for a model of 21.
            """,
            \.classes, mayChangeOnResume: true),
        ],
        ConfigurationKey.section("shapes", \.shapes),
      ]
      return parts.flatMap { $0 }
    }
  }

  /// Kinds of data sets: the first for detectors, the second for detectors and segmentations, the third for segmentations, the
  /// others for classifiers.
  public enum Kind: String, ConfigurationChoice, Sendable {
    /// Annotations in a COCO JSON file, images in a directory.
    case coco
    /// Drawn objects over textured backgrounds, generated on first use.
    case shapes
    /// PASCAL VOC 2012's directories, with a mask of classes for each image.
    case voc
    /// One directory of JPEG or PNG files for each class, as ImageNet's, with more directories below or without; classes
    /// are the sorted names.
    case imageFolder = "image_folder"
    /// CIFAR-10's binary files.
    case cifar10
    /// MNIST's IDX files.
    case mnist

    /// Planes of an image.
    public var channels: Int {
      switch self {
      case .coco, .shapes, .voc, .imageFolder, .cifar10: 3
      case .mnist: 1
      }
    }

    /// Whether the data say which classes there are; the other kinds have the same ones everywhere.
    var classesAreOfData: Bool {
      switch self {
      case .coco, .voc, .imageFolder: true
      case .shapes, .cifar10, .mnist: false
      }
    }
  }

  /// The files of the training or the validation images.
  ///
  /// Nil stands for the data set's usual place under `data.root`. COCO 2017: `annotations/instances_train2017.json` and
  /// `train2017/`, or `val2017`; PASCAL VOC: `ImageSets/Segmentation/train.txt` or `val.txt`, `JPEGImages/` and
  /// `SegmentationClass/`, with the list `trainaug` `SegmentationClassAug/`; class directories: `train/` or `val/`; CIFAR-10: `data_batch_1.bin` to `data_batch_5.bin`,
  /// or `test_batch.bin`; MNIST: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or `t10k-...`. Files of the last
  /// two may be compressed with gzip or xz. Relative paths start at the configuration file, as everywhere.
  public struct Split: ConfigurationSection {
    /// COCO JSON file.
    public var annotations: String?
    /// Directory of the image files or of the class directories; MNIST's file of images.
    public var images: String?
    /// MNIST's file of classes; a segmentation's directory of masks.
    public var labels: String?
    /// A segmentation's list of images: the name of a file in `ImageSets/Segmentation`, or a path with a slash.
    public var list: ListName?
    /// CIFAR-10's files, one after the other.
    public var files: FileList?

    init() {}
    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(path: "annotations", "COCO JSON file.", \.annotations, mayChangeOnResume: true),
        ConfigurationKey(
          path: "images",
          "Directory of the image files or of the class directories; MNIST's file of images.", \.images,
          mayChangeOnResume: true),
        ConfigurationKey(
          path: "labels", "MNIST's file of classes; a segmentation's directory of masks.", \.labels,
          mayChangeOnResume: true),
        ConfigurationKey(
          "list",
          "A segmentation's list of images: the name of a file in ImageSets/Segmentation, or a path with a slash.",
          \.list, mayChangeOnResume: true),
        ConfigurationKey("files", "CIFAR-10's binary files, one after the other.", \.files, mayChangeOnResume: true),
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
        ConfigurationKey("size", "Height and width of the generated images in pixels.", \.size, .from(32, to: 4096)),
        ConfigurationKey("train_images", "Generated training images.", \.trainImages, .from(1, to: 1_000_000)),
        ConfigurationKey("val_images", "Generated validation images.", \.validationImages, .from(1, to: 1_000_000)),
        ConfigurationKey("seed", "Seed of the drawings; another seed gives another data set.", \.seed),
      ]
    }

    /// The data set to draw; small pictures get small shapes.
    var specification: ShapesSpecification {
      ShapesSpecification(
        width: size.width, height: size.height, trainCount: trainImages, validationCount: validationImages, seed: seed,
        minimumObjectSize: min(24, min(size.width, size.height) * 7 / 10))
    }
  }

  /// The list of a segmentation's images; in YAML its name without ending, or its path.
  public struct ListName: ConfigurationValue, Sendable {
    /// The name, or the path.
    public var text: String
    /// Whether it is a path: it has a slash.
    public var isPath: Bool { text.contains("/") }

    /// A name or a path.
    public init(_ text: String) { self.text = text }

    static func expectation(_ limits: String) -> String { "the name of a list, or a path with a slash" }

    init?(_ content: ConfigurationContent) {
      guard let text = String(content) else { return nil }
      self.init(text)
    }

    func mappingPaths(_ absolute: (String) throws -> String) rethrows -> Self {
      isPath || text.hasPrefix("$") ? Self(try absolute(text)) : self
    }

    var yaml: String { text.yaml }
  }

  /// Paths of files; in YAML a list in brackets, or one path.
  public struct FileList: ConfigurationValue, Sendable {
    /// The paths in their order, at least one.
    public var paths: [String]

    /// A list of paths.
    public init(_ paths: [String]) { self.paths = paths }

    static func expectation(_ limits: String) -> String { "a path, or a list of paths in brackets" }

    init?(_ content: ConfigurationContent) {
      guard let paths = [String](content) ?? String(content).map({ [$0] }), !paths.isEmpty else { return nil }
      self.init(paths)
    }

    func mappingPaths(_ absolute: (String) throws -> String) rethrows -> Self { Self(try paths.map(absolute)) }

    var yaml: String { paths.yaml }
  }
}

extension Configuration {
  /// Throws exit code 78 unless the data are of one of these kinds, which are those of the model's task.
  func requireKind(_ kinds: [Kind]) throws {
    if kinds.contains(data.kind) { return }
    let names = kinds.map(\.rawValue)
    throw InputError(
      .badConfiguration,
      "data.kind: expected \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "") with model.name "
        + "\(model.name.rawValue), got \(data.kind.rawValue)")
  }
}

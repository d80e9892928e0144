import Tensors

extension Configuration {
  /// How an image becomes the network's input.
  ///
  /// A detector's training: the long side becomes `scale` times that of `size`, then the image is cropped or padded to
  /// `size`. A classifier's: `crop`, resize to `size`, flip, AutoAugment, normalisation, Cutout.
  public struct Input: ConfigurationSection {
    /// Height and width of every training image in pixels, from 16 to 4096, of a detector from 32; a classifier evaluates at
    /// this size too.
    public var size = ImageSize(height: 640, width: 640)
    /// Smallest random scale, above 0; paper: 512 of 640 pixels.
    public var scaleMinimum: Double
    /// Largest random scale, at least the smallest; paper: 768 of 640 pixels.
    public var scaleMaximum: Double
    /// Probability of a horizontal flip, from 0 to 1.
    public var flip = 0.5
    /// Mean of each channel of 0...1, red first, from 0 to 1; one number stands for all; nil is ImageNet's, of grey images
    /// MNIST's.
    public var mean: [Double]?
    /// Standard deviation of each channel of 0...1, as `mean`.
    public var deviation: [Double]?
    /// Which part of an image a classifier is trained on.
    public var crop = Crop.none
    /// Black pixels put around an image with `crop: pad`, from 0.
    public var cropPadding = 4
    /// Smallest share of the area with `crop: random_resized`, above 0; the largest is 1.
    public var cropAreaMinimum = 0.08
    /// Whether a classifier's training images go through AutoAugment's policy for ImageNet.
    public var usesAutoAugment = false
    /// Side in pixels of the square that Cutout sets to the mean in a classifier's training images; 0 is off.
    public var cutout = 0
    /// How a classifier's images are resized, always as Pillow does; official code: bicubic.
    public var interpolation = Interpolation.bicubic
    /// The size of images that are evaluated or predicted.
    public var evaluation: Evaluation

    init(form: ModelForm) {
      switch form {
      case .paper: (scaleMinimum, scaleMaximum) = (0.8, 1.2)
      case .torchvision: (scaleMinimum, scaleMaximum) = (1, 1)
      }
      evaluation = Evaluation(form: form)
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "size",
          """
          Height and width of every training image in pixels, of a detector from 32. A classifier is evaluated \
          at this size too.
          """,
          \.size, .from(16, to: 4096)),
        ConfigurationKey(
          "scale_min",
          """
          Smallest random scale: the long side becomes so many times that of input.size before the image is \
          cropped or padded.
          """,
          \.scaleMinimum, .above(0, to: 16)),
        ConfigurationKey("scale_max", "Largest random scale.", \.scaleMaximum, .above(0, to: 16)),
        ConfigurationKey("flip", "Probability of a horizontal flip in training.", \.flip, .from(0, to: 1)),
        ConfigurationKey(
          "mean",
          """
          Mean of each channel of 0..1, red first; one number stands for all. null is ImageNet's, of grey images \
          MNIST's.
          """,
          \.mean, .from(0, to: 1)),
        ConfigurationKey(
          "deviation",
          "Standard deviation of each channel of 0..1, as input.mean; null is that of the same images.", \.deviation,
          .above(0, to: 16)
        ),
        ConfigurationKey(
          "crop",
          """
          What a classifier is trained on: the part that is evaluated (none), the same cut out of a black border \
          (pad), or a random rectangle with an aspect of 3:4 to 4:3.
          """,
          \.crop),
        ConfigurationKey(
          "crop_padding", "Black pixels put around an image with crop: pad.", \.cropPadding, .from(0, to: 1024)),
        ConfigurationKey(
          "crop_area_min",
          "Smallest share of the area with crop: random_resized; the largest is 1.", \.cropAreaMinimum,
          .above(0, to: 1)),
        ConfigurationKey(
          "auto_augment", "Whether training images go through AutoAugment's policy for ImageNet.", \.usesAutoAugment),
        ConfigurationKey(
          "cutout",
          "Side in pixels of the square that Cutout sets to the mean in training images; 0 is off.", \.cutout,
          .from(0, to: 4096)),
        ConfigurationKey("interpolation", "How images are resized, always as Pillow does.", \.interpolation),
      ] + ConfigurationKey.section("evaluation", \.evaluation)
    }
  }

  /// Which part of an image a classifier is trained on.
  public enum Crop: String, ConfigurationChoice, Sendable {
    /// The part that is evaluated: the middle of an image file, the whole of an image of CIFAR-10 or MNIST.
    case none
    /// The same, with `crop_padding` black pixels put around, of which `size` is cut out at random.
    case pad
    /// A random rectangle of at least `crop_area_min` of the area and an aspect of 3:4 to 4:3.
    case randomResized = "random_resized"
  }

  /// How pixels between those of an image are found.
  public enum Interpolation: String, ConfigurationChoice, Sendable {
    /// Pillow's triangle filter.
    case bilinear
    /// Pillow's cubic filter.
    case bicubic
  }

  /// The size of images that are evaluated or predicted.
  ///
  /// A detector's: either one fixed size, which the long side is fitted to and the rest padded (the paper), or sides between two
  /// bounds, padded to a multiple of 32 (torchvision). A classifier's images have `input.size`.
  public struct Evaluation: ConfigurationSection {
    /// The rule in force.
    public var rule: EvaluationRule
    /// The part of the short side of an image file that a classifier sees, above 0; official code: 0.875.
    public var cropFraction = 0.875

    /// Height and width in pixels; nil when bounds are in force.
    public var size: ImageSize? {
      get { if case .fixed(let size) = rule { size } else { nil } }
      set { if let newValue { rule = .fixed(newValue) } }
    }

    /// Pixels of the short side, and at most so many of the long side; nil when a fixed size is in force.
    public var bounds: SideBounds? {
      get { if case .bounded(let bounds) = rule { bounds } else { nil } }
      set { if let newValue { rule = .bounded(newValue) } }
    }

    init(form: ModelForm) {
      switch form {
      case .paper: rule = .fixed(ImageSize(height: 640, width: 640))
      case .torchvision: rule = .bounded(SideBounds(shortSide: 800, longSideMaximum: 1333))
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "size", "Height and width in pixels that evaluated images are fitted into and padded to.", \.size,
          .from(32, to: 4096), insteadOf: ["bounds"]),
        ConfigurationKey(
          "bounds",
          """
          Pixels of the short side of an evaluated image, and the most that its long side may have; padded to a \
          multiple of 32.
          """,
          \.bounds, .from(32, to: 8192), insteadOf: ["size"]),
        ConfigurationKey(
          "crop_fraction", "Part of the short side of an image file that is evaluated.", \.cropFraction,
          .above(0, to: 1)),
      ]
    }
  }

  /// How the size of an evaluated image is found.
  public enum EvaluationRule: Equatable, Sendable {
    /// Long side fitted, padded to this size.
    case fixed(ImageSize)
    /// Short side as told unless the long side would pass its maximum, padded to a multiple of 32.
    case bounded(SideBounds)
  }

  /// Height and width of an image in pixels; in YAML `640` or `[480, 640]`.
  public struct ImageSize: ConfigurationValue, Sendable {
    /// Pixels from top to bottom.
    public var height: Int
    /// Pixels from left to right.
    public var width: Int

    /// A size of so many pixels.
    public init(height: Int, width: Int) {
      (self.height, self.width) = (height, width)
    }

    static func expectation(_ limits: String) -> String { "pixels\(limits) as SIDE or [HEIGHT, WIDTH]" }

    init?(_ content: ConfigurationContent) {
      if let side = Int(content) {
        self.init(height: side, width: side)
      } else if let sides = [Int](content), sides.count == 2 {
        self.init(height: sides[0], width: sides[1])
      } else {
        return nil
      }
    }

    var yaml: String { height == width ? "\(height)" : "[\(height), \(width)]" }
    var numbers: [Double] { [Double(height), Double(width)] }
  }

  /// Bounds of the sides of a resized image in pixels; in YAML `[800, 1333]`.
  public struct SideBounds: ConfigurationValue, Sendable {
    /// Pixels that the short side gets.
    public var shortSide: Int
    /// Pixels that the long side never passes.
    public var longSideMaximum: Int

    /// Bounds of so many pixels.
    public init(shortSide: Int, longSideMaximum: Int) {
      (self.shortSide, self.longSideMaximum) = (shortSide, longSideMaximum)
    }

    static func expectation(_ limits: String) -> String { "pixels\(limits) as [SHORT SIDE, LONGEST SIDE]" }

    init?(_ content: ConfigurationContent) {
      guard let sides = [Int](content), sides.count == 2, sides[0] <= sides[1] else { return nil }
      self.init(shortSide: sides[0], longSideMaximum: sides[1])
    }

    var yaml: String { "[\(shortSide), \(longSideMaximum)]" }
    var numbers: [Double] { [Double(shortSide), Double(longSideMaximum)] }
  }
}

extension Configuration {
  /// Mean and standard deviation of each channel of 0...1, red first; of grey images the first counts.
  var normalization: (mean: SIMD3<Float>, deviation: SIMD3<Float>) {
    func channels(_ values: [Double]?, _ colour: SIMD3<Float>, _ grey: Float) -> SIMD3<Float> {
      guard let values else { return data.kind.channels == 1 ? SIMD3(repeating: grey) : colour }
      return values.count == 1 ? SIMD3(repeating: Float(values[0])) : SIMD3(values.map { Float($0) })
    }
    return (
      channels(input.mean, SIMD3(0.485, 0.456, 0.406), 0.1307),
      channels(input.deviation, SIMD3(0.229, 0.224, 0.225), 0.3081)
    )
  }
}

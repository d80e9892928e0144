extension Configuration {
  /// How an image becomes the network's input.
  ///
  /// Training: the long side becomes `scale` times that of `size`, then the image is cropped or padded to `size`.
  public struct Input: ConfigurationSection {
    /// Height and width of every training image in pixels, from 32 to 4096.
    public var size = ImageSize(height: 640, width: 640)
    /// Smallest random scale, above 0; paper: 512 of 640 pixels.
    public var scaleMinimum: Double
    /// Largest random scale, at least the smallest; paper: 768 of 640 pixels.
    public var scaleMaximum: Double
    /// Probability of a horizontal flip, from 0 to 1.
    public var flip = 0.5
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
        ConfigurationKey("size", \.size, .from(32, to: 4096)),
        ConfigurationKey("scale_min", \.scaleMinimum, .above(0, to: 16)),
        ConfigurationKey("scale_max", \.scaleMaximum, .above(0, to: 16)),
        ConfigurationKey("flip", \.flip, .from(0, to: 1)),
      ] + ConfigurationKey.section("evaluation", \.evaluation)
    }
  }

  /// The size of images that are evaluated or predicted.
  ///
  /// Either one fixed size, which the long side is fitted to and the rest padded (the paper), or sides between two
  /// bounds, padded to a multiple of 32 (torchvision).
  public struct Evaluation: ConfigurationSection {
    /// The rule in force.
    public var rule: EvaluationRule

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
        ConfigurationKey("size", \.size, .from(32, to: 4096), insteadOf: ["bounds"]),
        ConfigurationKey("bounds", \.bounds, .from(32, to: 8192), insteadOf: ["size"]),
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

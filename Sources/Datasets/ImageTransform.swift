import Tensors

/// How stored pictures become network input: the paper's form or torchvision's.
///
/// Both normalise channels of 0...1 by a mean and a deviation and pad with zeros at the bottom and right.
public struct ImageTransform: Equatable, Sendable {
  /// The two recipes.
  public enum Form: Equatable, Sendable {
    /// The official RetinaNet code's, carried over to rectangular canvases: the side that reaches the canvas first
    /// becomes int(s * that side of the canvas), s uniform in `scale` in training and 1 otherwise, TensorFlow 1's bilinear
    /// resize, a random crop of what is larger than the canvas. On the official square it is the long side.
    case paper(height: Int, width: Int, scale: ClosedRange<Float>)
    /// torchvision's `GeneralizedRCNNTransform`: the short side becomes `minimumSize` unless the long one would pass
    /// `maximumSize`, half-pixel bilinear resize, a canvas padded to a multiple of 32.
    case torchvision(minimumSize: Int, maximumSize: Int)

    /// The official code's with its square canvas of `size` rows and columns.
    public static func paper(size: Int, scale: ClosedRange<Float>) -> Form {
      .paper(height: size, width: size, scale: scale)
    }
  }

  /// The recipe.
  public var form: Form
  /// Mean of each channel of 0...1, red first.
  public var mean: SIMD3<Float> = SIMD3(0.485, 0.456, 0.406)
  /// Standard deviation of each channel of 0...1.
  public var deviation: SIMD3<Float> = SIMD3(0.229, 0.224, 0.225)
  /// Probability of a horizontal flip in training.
  public var flipProbability: Float = 0.5
  /// Rows and columns of a canvas to use for every picture in place of torchvision's padding, for a fixed plan.
  ///
  /// Every resized picture has to fit. The paper's canvas is always its square.
  public var fixedCanvas: (height: Int, width: Int)? {
    get { canvasExtent.map { ($0[0], $0[1]) } }
    set { canvasExtent = newValue.map { SIMD2($0.height, $0.width) } }
  }
  private var canvasExtent: SIMD2<Int>?

  /// A transform with ImageNet's normalisation and flips half the time.
  public init(_ form: Form) { self.form = form }

  /// Whether sampling follows TensorFlow 1 (pixel corners) or PyTorch (pixel centres).
  var sampling: BilinearSampling {
    switch form {
    case .paper: .pixelCorners
    case .torchvision: .pixelCentres
    }
  }

  /// Rows and columns of the canvas where all pictures share one: the paper's square, or the fixed canvas.
  public var trainingCanvas: (height: Int, width: Int)? {
    switch form {
    case .paper(let height, let width, _): (height, width)
    case .torchvision: fixedCanvas
    }
  }

  /// The most objects of one picture that training keeps, in file order; nil where there is no limit.
  public var maximumObjects: Int? {
    switch form {
    case .paper: 100
    case .torchvision: nil
    }
  }

  /// The placement of a picture of this size in evaluation and prediction.
  ///
  /// Throws exit code 78 when it does not fit a fixed canvas.
  public func evaluationPlacement(width: Int, height: Int) throws -> Placement {
    switch form {
    case .paper(let canvasHeight, let canvasWidth, _):
      paperPlacement(width, height, canvas: (canvasHeight, canvasWidth), factor: 1)
    case .torchvision(let minimum, let maximum): try torchvisionPlacement(width, height, minimum, maximum)
    }
  }

  /// The random placement of a picture of this size in training.
  ///
  /// Always draws four numbers: flip, scale, vertical and horizontal crop. Throws as `evaluationPlacement`.
  public func trainingPlacement(
    width: Int, height: Int, random: inout RandomSequence
  ) throws -> Placement {
    let (flip, jitter, vertical, horizontal) = (random.uniform(), random.uniform(), random.uniform(), random.uniform())
    var placement: Placement
    switch form {
    case .paper(let canvasHeight, let canvasWidth, let scale):
      let factor = scale.lowerBound + (scale.upperBound - scale.lowerBound) * jitter
      placement = paperPlacement(width, height, canvas: (canvasHeight, canvasWidth), factor: factor)
      placement.cropY = Int(Float(max(0, placement.resizedHeight - canvasHeight)) * vertical)
      placement.cropX = Int(Float(max(0, placement.resizedWidth - canvasWidth)) * horizontal)
    case .torchvision(let minimum, let maximum):
      placement = try torchvisionPlacement(width, height, minimum, maximum)
    }
    placement.isFlipped = flip < flipProbability
    return placement
  }

  private func paperPlacement(
    _ width: Int, _ height: Int, canvas: (height: Int, width: Int), factor: Float
  ) -> Placement {
    let isTall = height * canvas.width >= width * canvas.height
    let (fitted, stored) = isTall ? (canvas.height, height) : (canvas.width, width)
    let scale = Float(max(Int(factor * Float(fitted)), 1)) / Float(stored)
    return Placement(
      sourceWidth: width, sourceHeight: height, isFlipped: false, scale: scale,
      resizedWidth: max(1, Int(Float(width) * scale)), resizedHeight: max(1, Int(Float(height) * scale)), cropX: 0,
      cropY: 0, canvasWidth: canvas.width, canvasHeight: canvas.height)
  }

  private func torchvisionPlacement(_ width: Int, _ height: Int, _ minimum: Int, _ maximum: Int) throws -> Placement {
    let scale = min(Double(minimum) / Double(min(width, height)), Double(maximum) / Double(max(width, height)))
    let resizedWidth = max(1, Int((Double(width) * scale).rounded(.down)))
    let resizedHeight = max(1, Int((Double(height) * scale).rounded(.down)))
    let canvas = fixedCanvas ?? ((resizedHeight + 31) / 32 * 32, (resizedWidth + 31) / 32 * 32)
    if resizedWidth > canvas.width || resizedHeight > canvas.height {
      throw InputError(
        .badConfiguration,
        "a picture of \(width)x\(height) becomes \(resizedWidth)x\(resizedHeight), which does not fit the fixed input of "
          + "\(canvas.width)x\(canvas.height); lower the minimum or maximum size or enlarge the input")
    }
    return Placement(
      sourceWidth: width, sourceHeight: height, isFlipped: false, scale: Float(scale), resizedWidth: resizedWidth,
      resizedHeight: resizedHeight, cropX: 0, cropY: 0, canvasWidth: canvas.width, canvasHeight: canvas.height)
  }
}

import Glibc
import Tensors

/// How stored pictures become a classifier's input: crop, resize, flip, AutoAugment, normalisation and Cutout, in this order.
///
/// Up to the normalisation a picture has 8 bits, and its pixels are those that Pillow and torchvision make of the same crop.
public struct ClassificationTransform: Equatable, Sendable {
  /// Which part of a picture training takes.
  public enum Crop: Equatable, Sendable {
    /// The part that evaluation takes.
    case none
    /// As `none`, then so many black pixels are put around and the input's size is cut out at random.
    case pad(Int)
    /// A random rectangle of at least this share of the area, with sides of 3:4 to 4:3 of the input's; where ten attempts
    /// do not fit the picture, the part that evaluation takes.
    case randomResized(minimumArea: Double)
  }

  /// Rows of the input.
  public var height: Int
  /// Columns of the input.
  public var width: Int
  /// Which part of a picture training takes.
  public var crop = Crop.none
  /// Probability of a horizontal flip in training.
  public var flipProbability: Float = 0
  /// Whether training applies AutoAugment's policy for ImageNet.
  public var usesAutoAugment = false
  /// Rows and columns of the square that training sets to the mean; 0 is none.
  ///
  /// Its middle is uniform over the input, beyond whose edges nothing happens (DeVries and Taylor, 2017).
  public var cutout = 0
  /// How pictures are resized.
  public var filter = ResamplingFilter.bicubic
  /// The part of the largest rectangle of the input's shape that evaluation takes from the middle of a picture file.
  ///
  /// Pictures in memory are taken whole.
  public var evaluationFraction = 0.875
  /// Mean of each channel of 0...1, red first; of grey pictures the first counts.
  public var mean = SIMD3<Float>(0.485, 0.456, 0.406)
  /// Standard deviation of each channel of 0...1.
  public var deviation = SIMD3<Float>(0.229, 0.224, 0.225)

  /// A transform to inputs of this size, without augmentation, with ImageNet's normalisation.
  public init(height: Int, width: Int) {
    require(height >= 1 && width >= 1, "an input of \(width)x\(height)")
    (self.height, self.width) = (height, width)
  }
}

/// A rectangle of a stored picture, in whole pixels.
struct CropBox: Equatable {
  var x: Int
  var y: Int
  var width: Int
  var height: Int

  /// The whole picture.
  init(width: Int, height: Int) { (x, y, self.width, self.height) = (0, 0, width, height) }

  init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }

  /// The strongest reduction of a JPEG file that leaves this part with the pixels of the input, whole pictures being at
  /// least 8 pixels on either side.
  func reduction(height: Int, width: Int, stored: (width: Int, height: Int)) -> JPEGReduction {
    if min(stored.width, stored.height) < 8 { return .none }
    return JPEGReduction.allCases.last { $0.factor * width <= self.width && $0.factor * height <= self.height } ?? .none
  }
}

extension ClassificationTransform {
  /// Attempts to place a random rectangle.
  private static let attempts = 10
  /// The largest ratio of a random rectangle's sides, relative to the input's.
  private static let largestAspect = 4.0 / 3

  /// The part of a picture file that evaluation takes: the middle, with the input's shape.
  ///
  /// Its size and place are those of the official code: cut to whole pixels, an odd rest leaves more at the left and top.
  func centreBox(width storedWidth: Int, height storedHeight: Int) -> CropBox {
    let shape = Double(width) / Double(height)
    let fittedWidth = min(Double(storedWidth), Double(storedHeight) * shape)
    let fittedHeight = min(Double(storedHeight), Double(storedWidth) / shape)
    let width = max(1, Int(evaluationFraction * fittedWidth))
    let height = max(1, Int(evaluationFraction * fittedHeight))
    return CropBox(
      x: (storedWidth - width + 1) / 2, y: (storedHeight - height + 1) / 2, width: width, height: height)
  }

  /// A random part of a picture of this size, nil where no attempt fits.
  func randomBox(
    width storedWidth: Int, height storedHeight: Int, minimumArea: Double, random: inout RandomSequence
  ) -> CropBox? {
    let (area, shape) = (Double(storedWidth * storedHeight), Double(width) / Double(height))
    for _ in 0..<Self.attempts {
      let part = area * (minimumArea + (1 - minimumArea) * Double(random.uniform()))
      let aspect = shape * pow(Self.largestAspect, 2 * Double(random.uniform()) - 1)
      let width = Int((part * aspect).squareRoot().rounded())
      let height = Int((part / aspect).squareRoot().rounded())
      if width < 1 || height < 1 || width > storedWidth || height > storedHeight { continue }
      return CropBox(
        x: Int(random.next(upperBound: UInt64(storedWidth - width + 1))),
        y: Int(random.next(upperBound: UInt64(storedHeight - height + 1))), width: width, height: height)
    }
    return nil
  }

  /// The rows and columns that Cutout clears.
  func cutoutBox(random: inout RandomSequence) -> (rows: Range<Int>, columns: Range<Int>) {
    func interval(_ extent: Int) -> Range<Int> {
      let start = Int(random.next(upperBound: UInt64(extent))) - cutout / 2
      return max(0, start)..<min(extent, start + cutout)
    }
    let rows = interval(height)
    return (rows, interval(width))
  }

  /// Writes a picture of the input's size as normalised planes (channels, height, width), red first; traps where sizes differ.
  public func normalize(_ image: RGBImage, channels: Int, into output: UnsafeMutableBufferPointer<Float>) {
    let pixels = width * height
    require(image.width == width && image.height == height, "a picture of \(image.width)x\(image.height)")
    require(output.count == channels * pixels, "\(output.count) elements for \(channels)x\(height)x\(width)")
    guard let output = output.baseAddress else { return }
    image.pixels.withUnsafeBufferPointer { bytes in
      for channel in 0..<channels {
        let (factor, shift) = (1 / (255 * deviation[channel]), -mean[channel] / deviation[channel])
        let plane = output + channel * pixels
        for pixel in 0..<pixels { plane[pixel] = Float(bytes[pixel * 3 + channel]) * factor + shift }
      }
    }
  }
}

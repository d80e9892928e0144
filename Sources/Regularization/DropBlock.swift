import Tensors

/// DropBlock, the regulariser that zeroes square regions of feature maps (Ghiasi, Lin and Le, NeurIPS 2018).
///
/// The form is that of the official ResNet code, carried over to rectangular maps, unless a mode says otherwise: every
/// sample and channel has a mask of its own; blocks start only where they fit as a whole, so a block never leaves the
/// map; the block size is clamped to the map and the clamped value is used in every place.
///
/// The official code speaks of the block's centre: a seed s zeroes [s - b/2, s + (b-1)/2] and is valid where
/// b/2 <= s < size - (b-1)/2, integer divisions, so even blocks lean to the low side. This package speaks of the
/// block's first row and column, s - b/2, which run over 0...size-b for either parity.
public struct DropBlock: Hashable, Sendable {
  /// Rows and columns of a block before clamping, at least 1.
  public let blockSize: Int
  /// Whose DropBlock it is.
  public let mode: DropBlockMode
  /// Whether all channels of a sample have the same mask.
  public let isShared: Bool
  /// Whether gamma is solved for the wanted rate, overlapping blocks counted once, in place of the published formula.
  public let isCalibrated: Bool

  /// DropBlock of a block size.
  ///
  /// - Parameters:
  ///   - isShared: one mask for all channels of a sample; some modes always have it.
  ///   - isCalibrated: gamma for the exact rate, where the mode's blocks can reach it.
  public init(blockSize: Int, mode: DropBlockMode = .paper, isShared: Bool = false, isCalibrated: Bool = false) {
    require(blockSize >= 1, "a block has at least 1 row, not \(blockSize)")
    (self.blockSize, self.mode, self.isCalibrated) = (blockSize, mode, isCalibrated)
    self.isShared = isShared || mode.isAlwaysShared
  }

  /// Rows and columns of a block as far as a map of this size has room for them: min(blockSize, height, width).
  public func blockSize(height: Int, width: Int) -> Int { min(blockSize, height, width) }

  /// Places where a block may start on a map of this size; in the paper's mode (H - b + 1) x (W - b + 1).
  func startArea(height: Int, width: Int) -> Int {
    fittingRule(keepProbability: 1, height: height, width: width).places
  }

  /// The probability that a block starts at a place where it may, in 0...1; traps on maps that `problem` names.
  ///
  /// In the paper's mode (1 - keepProbability) / b^2 * H W / ((H - b + 1)(W - b + 1)) with the clamped b, which is never
  /// more than 1 - keepProbability. A block as large as a square map gives just that: the channel goes as a whole.
  public func gamma(keepProbability: Double, height: Int, width: Int) -> Double {
    fittingRule(keepProbability: keepProbability, height: height, width: width).gamma
  }

  /// Why the mode has no mask for maps of this size, or nil.
  public func problem(height: Int, width: Int) -> String? {
    do {
      _ = try rule(keepProbability: 0.5, height: height, width: width)
      return nil
    } catch { return "\(mode.rawValue) \(error.reason)" }
  }

  /// The rule of a map that has one.
  func fittingRule(keepProbability: Double, height: Int, width: Int) -> BlockRule {
    do { return try rule(keepProbability: keepProbability, height: height, width: width) } catch {
      fatalError("no blocks of \(blockSize) on a map of \(height)x\(width): \(mode.rawValue) \(error.reason)")
    }
  }
}

import Tensors

/// What the losses of one image need: the anchors that are not background.
///
/// Of some 76,725 anchors a few hundred are positive, so the list is sparse: every anchor that is neither in
/// `positives` nor in `ignored` is background, a negative example for all classes.
public struct AnchorTargets: Sendable {
  /// A positive anchor with what it is to predict.
  public struct Positive: Hashable, Sendable {
    /// Where its predictions lie.
    public var location: AnchorLocation
    /// The class, 0..<K.
    public var classIndex: Int
    /// The encoded box, in the order of the four regression channels a * 4 + c.
    public var box: SIMD4<Float>

    /// A positive anchor.
    public init(location: AnchorLocation, classIndex: Int, box: SIMD4<Float>) {
      (self.location, self.classIndex, self.box) = (location, classIndex, box)
    }
  }

  /// The positive anchors, by level, pixel and shape.
  public var positives: [Positive]
  /// Anchors without part in any loss, by level, pixel and shape (torchvision's form only).
  public var ignored: [AnchorLocation]

  /// Targets from their parts.
  public init(positives: [Positive] = [], ignored: [AnchorLocation] = []) {
    (self.positives, self.ignored) = (positives, ignored)
  }

  /// The number of positive anchors: the loss normaliser before its "+ 1" or "at least 1".
  public var positiveCount: Int { positives.count }
}

extension Anchors {
  /// Matches the objects of an image with the anchors and encodes their boxes.
  ///
  /// `boxes` lie in the padded image's pixels and have area; `classIndices` names the class of each. Single-threaded:
  /// it runs in the threads that prepare batches.
  public func targets(boxes: [Box], classIndices: [Int]) -> AnchorTargets {
    require(boxes.count == classIndices.count, "\(boxes.count) boxes with \(classIndices.count) classes")
    let matches = matches(to: boxes)
    var targets = AnchorTargets()
    targets.positives = matches.positives.map { match in
      AnchorTargets.Positive(
        location: location(of: match.anchor), classIndex: classIndices[match.object],
        box: form.encode(boxes[match.object], anchor: self[match.anchor]))
    }
    targets.ignored = matches.ignored.map(location(of:))
    return targets
  }
}

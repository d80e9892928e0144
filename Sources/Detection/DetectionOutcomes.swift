import Tensors

/// What became of the objects and the detections of an image where a fixed score decides what counts as detected.
///
/// Detections of at least `score` take, surest first, the free object that they overlap most, of whatever class, from an overlap
/// (intersection over union) of `overlap` on. Crowds take no part, and detections that lie in one do not count as false.
public struct DetectionOutcomes: Equatable, Sendable {
  /// An object and the detection that took it; of one without the other there is only that.
  public struct Pair: Equatable, Sendable {
    /// The category of the object, nil for background.
    public let truth: Int?
    /// The category of the detection, nil for background.
    public let found: Int?
  }

  /// The least score of a detection.
  public static let score = 0.3
  /// The least overlap of a detection and its object.
  public static let overlap = 0.5

  /// Every counted object once and every counted detection once.
  public let pairs: [Pair]

  /// Objects that were found as what they are.
  public var hits: Int { pairs.count { $0.truth != nil && $0.truth == $0.found } }
  /// Objects that were not found, or taken for something else.
  public var misses: Int { pairs.count { $0.truth != nil && $0.truth != $0.found } }
  /// Detections of what is not there.
  public var falseAlarms: Int { pairs.count { $0.found != nil && $0.truth != $0.found } }

  /// The harmonic mean of precision and recall; 1 where there is nothing to find and nothing was found.
  public var balancedScore: Double {
    let all = 2 * hits + misses + falseAlarms
    return all == 0 ? 1 : Double(2 * hits) / Double(all)
  }

  /// The outcomes of an image.
  public init(objects: [COCOGroundTruth], results: [COCOResult]) {
    let (crowds, real) = (objects.filter(\.isCrowd), objects.filter { !$0.isCrowd })
    var taken = [Bool](repeating: false, count: real.count)
    var pairs: [Pair] = []
    let counted = results.enumerated().filter { $0.element.score >= Self.score }
      .sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }.map(\.element)
    for result in counted {
      var best: (object: Int, overlap: Double)?
      for (number, object) in real.enumerated() where !taken[number] {
        let overlap = intersectionOverUnion(result.box, object.box)
        if overlap >= Self.overlap && overlap > (best?.overlap ?? 0) { best = (number, overlap) }
      }
      if let best {
        taken[best.object] = true
        pairs.append(Pair(truth: real[best.object].categoryID, found: result.categoryID))
      } else if !crowds.contains(where: { shareWithin(result.box, $0.box) >= Self.overlap }) {
        pairs.append(Pair(truth: nil, found: result.categoryID))
      }
    }
    for (number, object) in real.enumerated() where !taken[number] {
      pairs.append(Pair(truth: object.categoryID, found: nil))
    }
    self.pairs = pairs
  }
}

/// The area that two boxes (x, y, width, height) share.
private func sharedArea(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> Double {
  let width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
  let height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
  return max(0, width) * max(0, height)
}

private func intersectionOverUnion(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> Double {
  let shared = sharedArea(a, b)
  let union = a[2] * a[3] + b[2] * b[3] - shared
  return union > 0 ? shared / union : 0
}

private func shareWithin(_ box: SIMD4<Double>, _ crowd: SIMD4<Double>) -> Double {
  let area = box[2] * box[3]
  return area > 0 ? sharedArea(box, crowd) / area : 0
}

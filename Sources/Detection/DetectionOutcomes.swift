import Tensors

/// What became of the objects and the detections of an image where a fixed score decides what counts as detected.
///
/// Detections of at least `leastScore` take, surest first, the free object that they overlap most, of whatever class, from an overlap
/// (intersection over union) of `leastOverlap` on. Crowds take no part, and detections that lie in one do not count as false.
public struct DetectionOutcomes: Equatable, Sendable {
  /// An object and the detection that took it; of one without the other there is only that.
  public struct Pair: Equatable, Sendable {
    /// The category of the object, nil for background.
    public let truth: Int?
    /// The category of the detection, nil for background.
    public let found: Int?
  }

  /// The least score of a detection that counts as one, and is drawn.
  public static let leastScore = 0.3
  /// The least overlap of a detection and its object.
  public static let leastOverlap = 0.5

  /// Every counted object once and every counted detection once.
  public let pairs: [Pair]

  /// Objects that were found as what they are.
  public let hits: Int
  /// Objects that were not found, or taken for something else.
  public let misses: Int
  /// Detections of what is not there.
  public let falseAlarms: Int

  /// The harmonic mean of precision and recall; 1 where there is nothing to find and nothing was found.
  public var balancedScore: Double {
    let all = 2 * hits + misses + falseAlarms
    return all == 0 ? 1 : Double(2 * hits) / Double(all)
  }

  /// The outcomes of an image.
  public init(objects: [COCOGroundTruth], results: [COCOResult]) {
    let (crowds, real) = (objects.filter(\.isCrowd).map { COCOObject($0) }, objects.filter { !$0.isCrowd })
    let candidates = real.map { COCOObject($0) }
    var taken = [Bool](repeating: false, count: real.count)
    var pairs: [Pair] = []
    let counted = results.enumerated().filter { $0.element.score >= Self.leastScore }
      .sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }.map(\.element)
    for result in counted {
      var best: (object: Int, overlap: Double)?
      for (number, object) in candidates.enumerated() where !taken[number] {
        let shared = overlap(result.box, object)
        if shared >= Self.leastOverlap && shared > (best?.overlap ?? 0) { best = (number, shared) }
      }
      if let best {
        taken[best.object] = true
        pairs.append(Pair(truth: real[best.object].categoryID, found: result.categoryID))
      } else if !crowds.contains(where: { overlap(result.box, $0) >= Self.leastOverlap }) {
        pairs.append(Pair(truth: nil, found: result.categoryID))
      }
    }
    for (number, object) in real.enumerated() where !taken[number] {
      pairs.append(Pair(truth: object.categoryID, found: nil))
    }
    self.pairs = pairs
    hits = pairs.count { $0.truth != nil && $0.truth == $0.found }
    misses = pairs.count { $0.truth != nil && $0.truth != $0.found }
    falseAlarms = pairs.count { $0.found != nil && $0.truth != $0.found }
  }
}

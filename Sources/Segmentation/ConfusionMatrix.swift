import Tensors

/// How many pixels of each class were taken for which: exact, so that parts of a data set add up in any order.
public struct ConfusionMatrix: Equatable, Sendable {
  /// The label of pixels that do not count.
  public static let void: UInt8 = 255

  /// The number of classes.
  public let classCount: Int
  /// Pixels of class t that were taken for class p, at t * classCount + p.
  public private(set) var counts: [Int]

  /// A matrix of zeros.
  public init(classCount: Int) {
    self.classCount = classCount
    counts = Array(repeating: 0, count: classCount * classCount)
  }

  /// A matrix of its counts, row by row.
  public init(classCount: Int, counts: [Int]) {
    require(counts.count == classCount * classCount, "\(counts.count) counts for \(classCount) classes")
    (self.classCount, self.counts) = (classCount, counts)
  }

  /// Counts the pixels of a picture; void ones are left out.
  ///
  /// Traps where there is another class, or not one for each pixel.
  public mutating func add(truth: [UInt8], prediction: [UInt8]) {
    require(truth.count == prediction.count, "\(prediction.count) predictions for \(truth.count) pixels")
    for (truth, prediction) in zip(truth, prediction) where truth != Self.void {
      require(
        Int(truth) < classCount && Int(prediction) < classCount, "class \(max(truth, prediction)) of \(classCount)")
      counts[Int(truth) * classCount + Int(prediction)] += 1
    }
  }

  /// The counts of each class's pixels, a row a class.
  public var rows: [[Int]] { (0..<classCount).map { Array(counts[$0 * classCount..<($0 + 1) * classCount]) } }

  /// Pixels of each class.
  private var truths: [Int] { rows.map { $0.reduce(0, +) } }

  /// Pixels that were taken for each class.
  private var predictions: [Int] {
    (0..<classCount).map { column in
      stride(from: column, to: counts.count, by: classCount).reduce(0) { $0 + counts[$1] }
    }
  }

  /// Pixels that were taken for what they are, of each class.
  private var matches: [Int] { (0..<classCount).map { counts[$0 * classCount + $0] } }

  /// The intersection of truth and prediction over their union for each class, over the whole data set as PASCAL VOC counts it;
  /// -1 for a class that is in neither.
  public var intersectionsOverUnions: [Double] {
    zip(matches, zip(truths, predictions)).map { match, sides in
      let union = sides.0 + sides.1 - match
      return union == 0 ? -1 : Double(match) / Double(union)
    }
  }

  /// The mean of the intersections over unions, background among them; -1 where nothing was counted.
  ///
  /// Classes that are neither in the labels nor in the predictions are left out, as TensorFlow's `mean_iou` does. On the whole
  /// of PASCAL VOC there are none.
  public var meanIntersectionOverUnion: Double {
    let present = intersectionsOverUnions.filter { $0 >= 0 }
    return present.isEmpty ? -1 : present.reduce(0, +) / Double(present.count)
  }

  /// The share of pixels that were taken for what they are; -1 where nothing was counted.
  public var pixelAccuracy: Double {
    let all = counts.reduce(0, +)
    return all == 0 ? -1 : Double(matches.reduce(0, +)) / Double(all)
  }
}

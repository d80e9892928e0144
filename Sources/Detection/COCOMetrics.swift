/// The figures of COCO's bounding-box evaluation; -1 where there is no ground truth.
///
/// Encoded as `{"stats": {"AP": ..., ...}, "per_class_AP": {"<category id>": ...}}`.
public struct COCOMetrics: Sendable, Equatable {
  /// The twelve figures under COCO's names.
  public struct Stats: Sendable, Equatable, Codable {
    /// AP: precision averaged over overlaps of 0.5 to 0.95, recalls and categories.
    public var averagePrecision: Double
    /// AP50: AP at an overlap of 0.5.
    public var averagePrecision50: Double
    /// AP75: AP at an overlap of 0.75.
    public var averagePrecision75: Double
    /// APs: AP of objects up to 32 x 32 pixels.
    public var averagePrecisionSmall: Double
    /// APm: AP of objects from 32 x 32 to 96 x 96 pixels.
    public var averagePrecisionMedium: Double
    /// APl: AP of objects from 96 x 96 pixels.
    public var averagePrecisionLarge: Double
    /// AR1: recall with one detection an image and category, averaged over overlaps and categories.
    public var averageRecall1: Double
    /// AR10: recall with ten detections.
    public var averageRecall10: Double
    /// AR100: recall with a hundred detections.
    public var averageRecall100: Double
    /// ARs: AR100 of objects up to 32 x 32 pixels.
    public var averageRecallSmall: Double
    /// ARm: AR100 of objects from 32 x 32 to 96 x 96 pixels.
    public var averageRecallMedium: Double
    /// ARl: AR100 of objects from 96 x 96 pixels.
    public var averageRecallLarge: Double

    private enum CodingKeys: String, CodingKey {
      case averagePrecision = "AP"
      case averagePrecision50 = "AP50"
      case averagePrecision75 = "AP75"
      case averagePrecisionSmall = "APs"
      case averagePrecisionMedium = "APm"
      case averagePrecisionLarge = "APl"
      case averageRecall1 = "AR1"
      case averageRecall10 = "AR10"
      case averageRecall100 = "AR100"
      case averageRecallSmall = "ARs"
      case averageRecallMedium = "ARm"
      case averageRecallLarge = "ARl"
    }

    /// The figures with their names, in the order in which COCO prints them.
    public var named: [(name: String, value: Double)] {
      [
        ("AP", averagePrecision), ("AP50", averagePrecision50), ("AP75", averagePrecision75),
        ("APs", averagePrecisionSmall), ("APm", averagePrecisionMedium), ("APl", averagePrecisionLarge),
        ("AR1", averageRecall1), ("AR10", averageRecall10), ("AR100", averageRecall100),
        ("ARs", averageRecallSmall), ("ARm", averageRecallMedium), ("ARl", averageRecallLarge),
      ]
    }
  }

  /// The twelve figures.
  public var stats: Stats
  /// AP of each category by its id.
  public var perClassAveragePrecision: [Int: Double]
  /// The precision of each category that has objects, by its id, at an overlap of 0.5 and the recalls 0, 0.01, ..., 1.
  ///
  /// It is not encoded.
  public var precisionAtRecalls: [Int: [Double]] = [:]
}

extension COCOMetrics: Codable {
  private enum CodingKeys: String, CodingKey {
    case stats
    case perClassAveragePrecision = "per_class_AP"
  }
}

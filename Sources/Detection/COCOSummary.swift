/// What one category contributes to the figures.
struct COCOCategoryCurves {
  /// The curve of each area range; nil where there is no object to find.
  var curves: [COCOCurve?]
  /// Recall by overlap with 1 and with 10 detections an image, over all areas; nil without objects.
  var recallOf1: [Double]?
  var recallOf10: [Double]?

  /// The curves of a category from the outcomes of its detections, best first.
  init(objectCounts: SIMD4<Int>, outcomes: [COCOOutcome], ranks: [Int32]) {
    curves = COCOProtocol.areas.indices.map { range in
      if objectCounts[range] == 0 { return nil }
      return COCOCurve(objectCount: objectCounts[range]) { body in
        for outcome in outcomes { body(outcome.matched[range], outcome.ignored[range]) }
      }
    }
    if objectCounts[0] == 0 { return }
    func recall(of limit: Int) -> [Double] {
      var found = [Int](repeating: 0, count: COCOProtocol.overlaps.count)
      for (outcome, rank) in zip(outcomes, ranks) where rank < limit {
        let counted = outcome.matched[0] & ~outcome.ignored[0]
        if counted == 0 { continue }
        for overlap in found.indices { found[overlap] += Int(counted >> UInt16(overlap) & 1) }
      }
      return found.map { Double($0) / Double(objectCounts[0]) }
    }
    recallOf1 = recall(of: 1)
    recallOf10 = recall(of: 10)
  }
}

extension COCOMetrics {
  /// The figures of all categories; each mean is taken over overlaps, then recalls, then categories that have objects.
  init(categories: [COCOCategoryCurves], categoryIDs: [Int]) {
    func precision(_ overlaps: Range<Int>, area: Int) -> Double {
      let curves = categories.compactMap { $0.curves[area]?.precision }
      let points = COCOProtocol.recalls.count
      return numpyMean(
        (overlaps.lowerBound * points..<overlaps.upperBound * points).flatMap { point in
          curves.map { $0[point] }
        })
    }
    func recall(_ recalls: [[Double]]) -> Double {
      numpyMean(COCOProtocol.overlaps.indices.flatMap { overlap in recalls.map { $0[overlap] } })
    }
    func recall(area: Int) -> Double { recall(categories.compactMap { $0.curves[area]?.recall }) }
    stats = Stats(
      averagePrecision: precision(0..<10, area: 0), averagePrecision50: precision(0..<1, area: 0),
      averagePrecision75: precision(5..<6, area: 0), averagePrecisionSmall: precision(0..<10, area: 1),
      averagePrecisionMedium: precision(0..<10, area: 2), averagePrecisionLarge: precision(0..<10, area: 3),
      averageRecall1: recall(categories.compactMap(\.recallOf1)),
      averageRecall10: recall(categories.compactMap(\.recallOf10)), averageRecall100: recall(area: 0),
      averageRecallSmall: recall(area: 1), averageRecallMedium: recall(area: 2), averageRecallLarge: recall(area: 3))
    perClassAveragePrecision = [:]
    for (id, category) in zip(categoryIDs, categories) {
      perClassAveragePrecision[id] = numpyMean(category.curves[0]?.precision ?? [])
      precisionAtRecalls[id] = category.curves[0].map { Array($0.precision.prefix(COCOProtocol.recalls.count)) }
    }
  }
}

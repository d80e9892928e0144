/// Precision and recall of one category in one area range; nil values stand for "no object to find".
struct COCOCurve {
  /// Precision by overlap and recall, 10 x 101 values.
  var precision: [Double]
  /// Recall by overlap, 10 values.
  var recall: [Double]

  /// The curve of detections best first, given the number of objects to find, at least 1.
  ///
  /// Precision only falls between two found objects, so it is enough to know how many false detections precede each
  /// found one. `eachOutcome` calls its argument once for every detection with its matched and ignored overlaps.
  init(objectCount: Int, eachOutcome: ((_ matched: UInt16, _ ignored: UInt16) -> Void) -> Void) {
    var falseBefore = [[Int]](repeating: [], count: COCOProtocol.overlaps.count)
    var falseAtAll = 0  // false at every overlap: the common case has one counter
    var falseAt = [Int](repeating: 0, count: COCOProtocol.overlaps.count)
    eachOutcome { matched, ignored in
      let counted = ~ignored & COCOProtocol.allOverlaps
      if matched == 0 && counted == COCOProtocol.allOverlaps {
        falseAtAll += 1
        return
      }
      for overlap in falseAt.indices where counted >> UInt16(overlap) & 1 != 0 {
        if matched >> UInt16(overlap) & 1 != 0 {
          falseBefore[overlap].append(falseAtAll + falseAt[overlap])
        } else {
          falseAt[overlap] += 1
        }
      }
    }
    recall = falseBefore.map { Double($0.count) / Double(objectCount) }
    precision = []
    precision.reserveCapacity(COCOProtocol.overlaps.count * COCOProtocol.recalls.count)
    for counts in falseBefore {
      // The best precision at this many objects found or more.
      var best = counts.enumerated().map { found, wrong in
        Double(found + 1) / (Double(wrong) + Double(found + 1) + Double.ulpOfOne)
      }
      for index in best.indices.dropLast().reversed() { best[index] = max(best[index], best[index + 1]) }
      var found = 0
      for threshold in COCOProtocol.recalls {
        while found < best.count && Double(found + 1) / Double(objectCount) < threshold { found += 1 }
        precision.append(found < best.count ? best[found] : 0)
      }
    }
  }
}

/// The mean as numpy computes it, or -1 of nothing.
///
/// Pairwise summation with eight running sums for each 128 values, so that the last bits agree too.
func numpyMean(_ values: [Double]) -> Double {
  if values.isEmpty { return -1 }
  return values.withUnsafeBufferPointer { pairwiseSum($0[...]) } / Double(values.count)
}

private func pairwiseSum(_ values: Slice<UnsafeBufferPointer<Double>>) -> Double {
  if values.count < 8 { return values.reduce(-0.0, +) }
  if values.count > 128 {
    var half = values.count / 2
    half -= half % 8
    return pairwiseSum(values.prefix(half)) + pairwiseSum(values.dropFirst(half))
  }
  let first = values.startIndex
  var sums = SIMD8<Double>()
  for lane in 0..<8 { sums[lane] = values[first + lane] }
  let whole = values.count - values.count % 8
  for start in stride(from: 8, to: whole, by: 8) {
    for lane in 0..<8 { sums[lane] += values[first + start + lane] }
  }
  let sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
  return values.dropFirst(whole).reduce(sum, +)
}

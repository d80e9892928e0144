import Testing

@testable import Segmentation

/// Oracle: counts of a handful of pixels by hand, and a naive count over sets of pixels.
@Suite struct ConfusionMatrixTests {
  @Test("a picture of six pixels by hand: intersections over unions, their mean, and the share that is right")
  func byHand() {
    var matrix = ConfusionMatrix(classCount: 4)
    //                   class 0    1  1  2    void  1
    matrix.add(truth: [0, 1, 1, 2, 255, 1], prediction: [0, 1, 2, 2, 3, 0])
    #expect(matrix.counts == [1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    // Class 3 is neither in the truth that counts nor predicted there.
    let third = 1.0 / 3
    #expect(matrix.intersectionsOverUnions == [0.5, third, 0.5, -1])
    let mean: Double = (0.5 + third + 0.5) / 3
    #expect(matrix.meanIntersectionOverUnion == mean)
    #expect(matrix.pixelAccuracy == 0.6)
  }

  @Test("nothing counted has no figures, and a class that is only predicted has none of its pixels right")
  func absent() {
    var matrix = ConfusionMatrix(classCount: 2)
    matrix.add(truth: [255, 255], prediction: [0, 1])
    #expect(matrix.meanIntersectionOverUnion == -1 && matrix.pixelAccuracy == -1)
    matrix.add(truth: [0, 0], prediction: [0, 1])
    #expect(matrix.intersectionsOverUnions == [0.5, 0])
    #expect(matrix.meanIntersectionOverUnion == 0.25)
  }

  @Test("many pixels agree with a naive count to the bit, and the parts of a set add up in any order")
  func naive() {
    let classCount = 21
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let truth = (0..<20_000).map { _ in random(22) }.map { $0 == 21 ? UInt8(255) : UInt8($0) }
    let prediction = truth.map { random(3) == 0 || $0 == 255 ? UInt8(random(classCount)) : $0 }
    var whole = ConfusionMatrix(classCount: classCount)
    whole.add(truth: truth, prediction: prediction)
    let parts = [0..<5000, 5000..<12_345, 12_345..<20_000].map { range in
      var part = ConfusionMatrix(classCount: classCount)
      part.add(truth: Array(truth[range]), prediction: Array(prediction[range]))
      return part.counts
    }
    let sums = whole.counts.indices.map { place in parts[0][place] + parts[1][place] + parts[2][place] }
    #expect(sums == whole.counts)

    let counted = truth.indices.filter { truth[$0] != 255 }
    let naive = (0..<classCount).map { number in
      let own = Set(counted.filter { Int(truth[$0]) == number })
      let found = Set(counted.filter { Int(prediction[$0]) == number })
      return Double(own.intersection(found).count) / Double(own.union(found).count)
    }
    #expect(whole.intersectionsOverUnions == naive)
    let mean = naive.reduce(0, +) / Double(classCount)
    #expect(whole.meanIntersectionOverUnion == mean)
    let right = counted.count { truth[$0] == prediction[$0] }
    #expect(whole.pixelAccuracy == Double(right) / Double(counted.count))
  }
}

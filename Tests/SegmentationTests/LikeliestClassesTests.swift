import Testing

@testable import Segmentation

/// Oracle: the definition of bilinear resizing with aligned corners, in Double; `Tests/Goldens/segmentation.py` has torch's.
@Suite struct LikeliestClassesTests {
  private func naive(
    _ logits: [Float], _ coarse: (height: Int, width: Int), _ canvas: (height: Int, width: Int)
  ) -> [[Double]] {
    let (area, classCount) = (coarse.height * coarse.width, logits.count / (coarse.height * coarse.width))
    func places(_ coarse: Int, _ fine: Int, _ position: Int) -> (Int, Int, Double) {
      let place = fine > 1 ? Double(position * (coarse - 1)) / Double(fine - 1) : 0
      return (Int(place), min(coarse - 1, Int(place) + 1), place - Double(Int(place)))
    }
    return (0..<canvas.height * canvas.width).map { pixel in
      let (top, bottom, down) = places(coarse.height, canvas.height, pixel / canvas.width)
      let (left, right, across) = places(coarse.width, canvas.width, pixel % canvas.width)
      return (0..<classCount).map { number in
        func logit(_ row: Int, _ column: Int) -> Double { Double(logits[number * area + row * coarse.width + column]) }
        let above: Double = (1 - across) * logit(top, left) + across * logit(top, right)
        let below: Double = (1 - across) * logit(bottom, left) + across * logit(bottom, right)
        return (1 - down) * above + down * below
      }
    }
  }

  @Test(
    "every pixel has the class of the largest resized logit",
    arguments: [(3, 5, 17, 33), (1, 4, 8, 4), (6, 1, 6, 9), (9, 11, 65, 81)])
  func classes(rows: Int, columns: Int, height: Int, width: Int) {
    let count = 7
    let logits: [Float] = (0..<count * rows * columns).map { Float(($0 * 7919 + 31) % 1009) / 250 - 2 }
    let expected = naive(logits, (rows, columns), (height, width))
    let classes = LikeliestClasses(logits: (rows, columns), canvas: (height, width))(
      logits[...], height: height, width: width)
    var differing = 0
    for (pixel, values) in expected.enumerated() where values[Int(classes[pixel])] != values.max() {
      // Float's rounding may turn logits around that are as good as equal.
      #expect((values.max() ?? 0) - values[Int(classes[pixel])] < 1e-5)
      differing += 1
    }
    #expect(differing <= height * width / 100)
  }

  @Test("a part of the canvas is its upper left, and of equal logits the first class wins")
  func part() {
    let logits: [Float] = (0..<48).map { Float(($0 * 37) % 11) }
    let whole = LikeliestClasses(logits: (4, 4), canvas: (25, 25))
    let all = whole(logits[...], height: 25, width: 25)
    let part = whole(logits[...], height: 10, width: 7)
    let rows = (0..<10).flatMap { y in Array(all[y * 25..<y * 25 + 7]) }
    #expect(part == rows)
    let equal = [Float](repeating: 1, count: 48)
    let classes = whole(equal[...], height: 5, width: 5)
    #expect(classes == [UInt8](repeating: 0, count: 25))
  }
}

import Foundation
import Tensors
import Testing

@testable import Datasets

/// Oracles: numbers by hand, naive implementations, and frequencies with bounds of four or five deviations.
struct ClassificationTransformTests {
  private static func random(_ draw: Int) -> RandomSequence {
    RandomSequence(Philox(seed: 11, stream: 0), UInt32(draw), 0, 0)
  }

  /// A count as often as a binomial share says, within five deviations.
  private func expect(_ count: Int, of draws: Int, share: Double, _ name: String = "") {
    let deviation = (share * (1 - share) / Double(draws)).squareRoot()
    let difference = abs(Double(count) / Double(draws) - share)
    #expect(difference <= 5 * deviation, "\(name)")
  }

  /// Values whose least and greatest lie in these ranges.
  private func expect(_ values: [Double], from low: ClosedRange<Double>, to high: ClosedRange<Double>) {
    #expect(low.contains(values.min() ?? .nan))
    #expect(high.contains(values.max() ?? .nan))
  }

  @Test("evaluation takes the middle as the official code does")
  func centre() {
    // tensorflow/tpu: side int(0.875 x short), offset (rest + 1) / 2.
    var transform = ClassificationTransform(height: 224, width: 224)
    for (size, expected) in [
      ((500, 375), (86, 24, 328)), ((375, 500), (24, 86, 328)), ((256, 256), (16, 16, 224)), ((1, 1), (0, 0, 1)),
      ((240, 159), (51, 10, 139)),
    ] {
      let box = transform.centreBox(width: size.0, height: size.1)
      #expect(box == CropBox(x: expected.0, y: expected.1, width: expected.2, height: expected.2), "\(size)")
    }
    // Another shape than a square: the largest 2:1 part of 300x200 is 300x150.
    transform = ClassificationTransform(height: 100, width: 200)
    transform.evaluationFraction = 1
    #expect(transform.centreBox(width: 300, height: 200) == CropBox(x: 0, y: 25, width: 300, height: 150))
  }

  @Test("random parts lie inside, have areas and aspects in their ranges, spread evenly, and reach every corner")
  func randomParts() throws {
    let transform = ClassificationTransform(height: 224, width: 224)
    let draws = 4000
    var (areas, aspects, left) = ([Double](), [Double](), [Double]())
    for draw in 0..<draws {
      var random = Self.random(draw)
      let box = try #require(transform.randomBox(width: 500, height: 400, minimumArea: 0.08, random: &random))
      #expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= 500 && box.y + box.height <= 400)
      areas.append(Double(box.width * box.height) / 200_000)
      aspects.append(Double(box.width) / Double(box.height))
      if box.width < 500 { left.append(Double(box.x) / Double(500 - box.width)) }
    }
    expect(areas, from: 0.079...0.09, to: 0.9...1.001)
    expect(aspects, from: 0.74...0.76, to: 1.31...1.35)
    // Small parts always fit, so their areas are even: a quarter of [0.08, 0.16] below 0.1.
    let small = areas.filter { $0 < 0.16 }
    expect(small.count { $0 < 0.1 }, of: small.count, share: 0.25)
    // The logarithm of the aspect is even: as many below 1 as above, where all fit.
    let fitting = zip(areas, aspects).filter { $0.0 < 0.5 }.map(\.1)
    expect(fitting.count { $0 < 1 }, of: fitting.count, share: 0.5)
    // Places are even.
    expect(left, from: 0...0, to: 1...1)
    expect(left.count { $0 < 0.3 }, of: left.count, share: 0.3)
    // A picture that no rectangle of 3:4 to 4:3 and nearly the whole area fits.
    var random = Self.random(0)
    #expect(transform.randomBox(width: 1000, height: 10, minimumArea: 0.9, random: &random) == nil)
  }

  @Test("Cutout's square is centred on every pixel alike and cut at the edges")
  func cutout() {
    var transform = ClassificationTransform(height: 6, width: 5)
    for side in [1, 2, 3, 4] {
      transform.cutout = side
      var cleared = [Int](repeating: 0, count: 30)
      let draws = 6000
      for draw in 0..<draws {
        var random = Self.random(draw)
        let (rows, columns) = transform.cutoutBox(random: &random)
        for y in rows { for x in columns { cleared[y * 5 + x] += 1 } }
      }
      for y in 0..<6 {
        for x in 0..<5 {
          // The middles from which a square reaches the pixel, counted one by one.
          var reaching = 0
          for middleY in 0..<6 {
            for middleX in 0..<5 {
              let (top, first) = (middleY - side / 2, middleX - side / 2)
              if (top..<top + side).contains(y) && (first..<first + side).contains(x) { reaching += 1 }
            }
          }
          expect(cleared[y * 5 + x], of: draws, share: Double(reaching) / 30, "\(side) at \(x), \(y)")
        }
      }
    }
  }

  @Test("a JPEG file is decoded with fewer pixels only where the part keeps those of the input")
  func reduction() {
    func reduction(_ side: Int) -> JPEGReduction {
      CropBox(x: 3, y: 3, width: side, height: side + 9).reduction(height: 224, width: 224, stored: (2000, 2000))
    }
    #expect([447, 448, 895, 896, 1791, 1792].map(reduction) == [.none, .half, .half, .quarter, .quarter, .eighth])
    #expect(CropBox(width: 7, height: 7).reduction(height: 1, width: 1, stored: (7, 7)) == .none)
  }
}

import Testing

@testable import Datasets

/// Oracle: the normalisation itself, and places by hand.
@Suite struct SampleDrawingTests {
  @Test("the picture of normalised planes is the one that was normalised, in colour and in grey")
  func normalized() {
    var transform = ClassificationTransform(height: 16, width: 16)
    transform.mean = SIMD3(0.485, 0.456, 0.406)
    transform.deviation = SIMD3(0.229, 0.224, 0.225)
    var picture = RGBImage(width: 16, height: 16)
    for place in picture.pixels.indices {
      picture.pixels[place] = UInt8(truncatingIfNeeded: place / 3 + 7 * (place % 3))
    }
    for channels in [1, 3] {
      var planes = [Float](repeating: 0, count: channels * 256)
      planes.withUnsafeMutableBufferPointer { transform.normalize(picture, channels: channels, into: $0) }
      let again = RGBImage(
        normalized: planes, channels: channels, height: 16, width: 16, mean: transform.mean,
        deviation: transform.deviation)
      for place in picture.pixels.indices {
        #expect(again.pixels[place] == picture.pixels[channels == 3 ? place : place / 3 * 3])
      }
    }
  }

  @Test("labels of every eighth pixel become squares, cut off at the edges")
  func squares() {
    let mask = ClassMask(labels: [1, 2, 3, 4], every: 8, width: 9, height: 10)
    let (first, last) = (Array(mask.classes[..<9]), Array(mask.classes[72..<81]))
    #expect(first == [1, 1, 1, 1, 1, 1, 1, 1, 2] && last == [3, 3, 3, 3, 3, 3, 3, 3, 4])
  }
}

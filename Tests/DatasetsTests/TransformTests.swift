import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

private struct ResizeGolden: Decodable {
  var width: Int
  var height: Int
  var minimum: Int
  var maximum: Int
  var flip: Bool
  var pixels: String
  var boxes: [Float]
  var resized: [Int]
  var canvas: [Int]
  var output: String
  var placed: [Float]
}

@Suite struct TransformTests {
  @Test("a rectangular canvas fits the side that reaches it first")
  func rectangularCanvas() throws {
    let transform = ImageTransform(.paper(height: 240, width: 320, scale: 1...1))
    let landscape = try transform.evaluationPlacement(width: 640, height: 480)
    #expect(landscape.resizedWidth == 320 && landscape.resizedHeight == 240)
    let portrait = try transform.evaluationPlacement(width: 480, height: 640)
    #expect(portrait.resizedHeight == 240 && portrait.resizedWidth == 180)
    #expect(portrait.canvasHeight == 240 && portrait.canvasWidth == 320)
    let square = try ImageTransform(.paper(size: 320, scale: 1...1)).evaluationPlacement(width: 640, height: 480)
    #expect(square.resizedWidth == 320 && square.resizedHeight == 240)
  }

  @Test("torchvision's form gives the pixels, sizes and boxes of torchvision's own transform")
  func equalToTorchvision() throws {
    for golden in try Fixtures.golden("resize.json", as: [ResizeGolden].self) {
      var image = RGBImage(width: golden.width, height: golden.height)
      image.pixels = elements(golden.pixels, as: UInt8.self)
      let transform = ImageTransform(.torchvision(minimumSize: golden.minimum, maximumSize: golden.maximum))
      var placement = try transform.evaluationPlacement(width: golden.width, height: golden.height)
      placement.isFlipped = golden.flip
      #expect([placement.resizedHeight, placement.resizedWidth] == golden.resized)
      #expect([placement.canvasHeight, placement.canvasWidth] == golden.canvas)
      let expected = elements(golden.output, as: Float.self)
      let worst = zip(render(image, transform, placement), expected).map { abs($0 - $1) }.max() ?? .infinity
      // Values up to 3, and a handful of roundings of values up to 255 / (255 * 0.22).
      #expect(worst < 1e-5, "\(golden.width)x\(golden.height)")
      for (index, box) in boxes(golden.boxes).enumerated() {
        let difference = placement.box(fromSource: box) - boxes(golden.placed)[index]
        #expect((0..<4).allSatisfy { abs(difference[$0]) < 1e-5 })
      }
    }
  }

  @Test("both forms, flipped, cropped and padded, equal a pixel-by-pixel resize in double precision")
  func equalToNaive() throws {
    let image = Fixtures.picture(width: 37, height: 29)
    for form: ImageTransform.Form in [
      .paper(size: 32, scale: 0.5...2), .torchvision(minimumSize: 20, maximumSize: 64),
    ] {
      let transform = ImageTransform(form)
      for number in 0..<12 {
        var random = RandomSequence(Philox(seed: 3, stream: 0), UInt32(number), 0, 0)
        let placement = try transform.trainingPlacement(width: 37, height: 29, random: &random)
        let expected = naiveRender(image, transform, placement)
        let worst = zip(render(image, transform, placement), expected).map { abs(Double($0) - $1) }.max() ?? .infinity
        // Positions are computed in single precision, as TensorFlow and PyTorch do: 32 pixels times 2^-23 a pixel
        // between neighbours that differ by at most 4.5 after normalisation.
        #expect(worst < 5e-5, "\(form) \(number)")
      }
    }
  }

  @Test("torchvision's form takes the sizes of eight usual photographs from torchvision")
  func torchvisionSizes() throws {
    let transform = ImageTransform(.torchvision(minimumSize: 800, maximumSize: 1333))
    // (height, width) and what GeneralizedRCNNTransform(800, 1333) of torchvision 0.28.0 makes of them.
    for (source, resized) in [
      ((480, 640), (800, 1066)), ((640, 480), (1066, 800)), ((427, 640), (800, 1199)), ((375, 500), (800, 1066)),
      ((333, 500), (800, 1201)), ((1000, 300), (1333, 399)), ((500, 333), (1201, 800)), ((640, 640), (800, 800)),
    ] {
      let placement = try transform.evaluationPlacement(width: source.1, height: source.0)
      #expect(placement.resizedHeight == resized.0 && placement.resizedWidth == resized.1)
      #expect(placement.canvasWidth % 32 == 0 && placement.canvasWidth - placement.resizedWidth < 32)
    }
  }

  @Test("the paper's form makes the long side 640 in evaluation and 512 to 768 in training, cropped to 640")
  func paperSizes() throws {
    let transform = ImageTransform(.paper(size: 640, scale: 0.8...1.2))
    for (width, height) in [(640, 480), (333, 500), (500, 375), (427, 640), (612, 612)] {
      let placement = try transform.evaluationPlacement(width: width, height: height)
      #expect(max(placement.resizedWidth, placement.resizedHeight) == 640)
      #expect(placement.cropX == 0 && placement.cropY == 0 && !placement.isFlipped)
    }
    var (smallest, largest, flips, crops) = (Int.max, 0, 0, 0)
    for number in 0..<400 {
      var random = RandomSequence(Philox(seed: 1, stream: 0), 0, UInt32(number), 0)
      let placement = try transform.trainingPlacement(width: 640, height: 480, random: &random)
      smallest = min(smallest, placement.resizedWidth)
      largest = max(largest, placement.resizedWidth)
      flips += placement.isFlipped ? 1 : 0
      crops += placement.cropX > 0 ? 1 : 0
      #expect(placement.cropX <= max(0, placement.resizedWidth - 640) && placement.cropY == 0)
      #expect(abs(placement.resizedWidth * 3 - placement.resizedHeight * 4) <= 4)
    }
    #expect(smallest >= 511 && smallest < 520 && largest <= 768 && largest > 760)
    // Binomial with 400 draws: half are flipped and about half are larger than the canvas; five deviations are 50.
    #expect(abs(flips - 200) < 50 && abs(crops - 200) < 50)
  }

  @Test("boxes move with the pixels: a coloured rectangle is found where its box says, in both forms")
  func boxesFollowPixels() throws {
    var image = RGBImage(width: 80, height: 60)
    for y in 20..<40 { for x in 10..<50 { image.pixels[(y * 80 + x) * 3] = 255 } }
    for form: ImageTransform.Form in [
      .paper(size: 96, scale: 0.8...1.6), .torchvision(minimumSize: 90, maximumSize: 200),
    ] {
      let transform = ImageTransform(form)
      for number in 0..<10 {
        var random = RandomSequence(Philox(seed: 8, stream: 0), 0, UInt32(number), 0)
        let placement = try transform.trainingPlacement(width: 80, height: 60, random: &random)
        let placed = transform.placeObjects(boxes: [SIMD4(10, 20, 50, 40)], classes: [7], placement)
        #expect(placed.classes == [7])
        let output = render(image, transform, placement)
        let bright = (1 - transform.mean[0]) / transform.deviation[0]
        let inside = (0..<placement.canvasHeight * placement.canvasWidth).filter { output[$0] > bright * 0.5 }
        let columns = inside.map { Float($0 % placement.canvasWidth) }
        let rows = inside.map { Float($0 / placement.canvasWidth) }
        let found = SIMD4(
          columns.min() ?? -1, rows.min() ?? -1, (columns.max() ?? -1) + 1, (rows.max() ?? -1) + 1)
        let difference = found - placed.boxes[0]
        // Half a resized pixel by the threshold and up to one source pixel by corner sampling.
        #expect((0..<4).allSatisfy { abs(difference[$0]) < 2.5 }, "\(form) \(number): \(found) \(placed.boxes[0])")
        let back = placement.box(toSource: placement.box(fromSource: SIMD4(10, 20, 50, 40)))
        #expect((0..<4).allSatisfy { abs((back - SIMD4(10, 20, 50, 40))[$0]) < 1e-3 })
      }
    }
  }

  @Test("boxes cropped away are dropped, others are clipped to the last pixel, and the paper's form keeps 100")
  func clipping() throws {
    let transform = ImageTransform(.paper(size: 64, scale: 1...1))
    var placement = try transform.evaluationPlacement(width: 64, height: 64)
    placement.resizedWidth = 128
    placement.resizedHeight = 128
    placement.cropX = 64
    placement.cropY = 64
    let placed = transform.placeObjects(
      boxes: [SIMD4(0, 0, 20, 20), SIMD4(30, 30, 64, 64), SIMD4(40, 2, 50, 20)], classes: [1, 2, 3], placement)
    #expect(placed.classes == [2])
    #expect(placed.boxes == [SIMD4(0, 0, 63, 63)])
    let many = transform.placeObjects(
      boxes: Array(repeating: SIMD4(40, 40, 50, 50), count: 130), classes: Array(0..<130), placement)
    #expect(many.classes == Array(0..<100))
  }

  @Test("a picture that does not fit a fixed canvas is error 78 and says both sizes")
  func fixedCanvas() throws {
    var transform = ImageTransform(.torchvision(minimumSize: 64, maximumSize: 96))
    transform.fixedCanvas = (height: 64, width: 96)
    let placement = try transform.evaluationPlacement(width: 120, height: 100)
    #expect(placement.canvasHeight == 64 && placement.canvasWidth == 96 && placement.resizedWidth == 76)
    let error = thrown(InputError.self) { try transform.evaluationPlacement(width: 100, height: 120) }
    #expect(error?.exitCode == .badConfiguration)
    #expect(error?.description.contains("64x76") == true && error?.description.contains("96x64") == true)
  }
}

private func boxes(_ values: [Float]) -> [SIMD4<Float>] {
  stride(from: 0, to: values.count, by: 4).map { SIMD4(values[$0], values[$0 + 1], values[$0 + 2], values[$0 + 3]) }
}

private func render(_ image: RGBImage, _ transform: ImageTransform, _ placement: Placement) -> [Float] {
  // Not-a-numbers show whatever is left unwritten.
  var output = [Float](repeating: .nan, count: 3 * placement.canvasHeight * placement.canvasWidth)
  var scratch = RenderScratch()
  output.withUnsafeMutableBufferPointer { transform.render(image, placement, into: $0, scratch: &scratch) }
  return output
}

/// Normalises, flips, resizes, crops and pads one after the other, each pixel from its definition.
private func naiveRender(_ image: RGBImage, _ transform: ImageTransform, _ placement: Placement) -> [Double] {
  var output = [Double](repeating: 0, count: 3 * placement.canvasHeight * placement.canvasWidth)
  func value(_ channel: Int, _ y: Int, _ x: Int) -> Double {
    let column = placement.isFlipped ? image.width - 1 - x : x
    let byte = Double(image.pixels[(y * image.width + column) * 3 + channel])
    return (byte / 255 - Double(transform.mean[channel])) / Double(transform.deviation[channel])
  }
  func position(_ index: Int, _ input: Int, _ size: Int) -> (Int, Int, Double) {
    let ratio = Double(input) / Double(size)
    let source: Double
    switch transform.form {
    case .paper: source = Double(index) * ratio
    case .torchvision: source = max(0, (Double(index) + 0.5) * ratio - 0.5)
    }
    let first = min(Int(source), input - 1)
    return (first, min(first + 1, input - 1), min(source - Double(first), 1))
  }
  for channel in 0..<3 {
    for y in 0..<min(placement.canvasHeight, placement.resizedHeight - placement.cropY) {
      for x in 0..<min(placement.canvasWidth, placement.resizedWidth - placement.cropX) {
        let (y0, y1, fy) = position(y + placement.cropY, image.height, placement.resizedHeight)
        let (x0, x1, fx) = position(x + placement.cropX, image.width, placement.resizedWidth)
        let top = value(channel, y0, x0) * (1 - fx) + value(channel, y0, x1) * fx
        let bottom = value(channel, y1, x0) * (1 - fx) + value(channel, y1, x1) * fx
        output[(channel * placement.canvasHeight + y) * placement.canvasWidth + x] = top * (1 - fy) + bottom * fy
      }
    }
  }
  return output
}

import Foundation
import Tensors
import Testing

@testable import Datasets

@Suite struct ScaledDecodingTests {
  static let reductions: [JPEGReduction] = [.half, .quarter, .eighth]

  @Test("the reduction is the strongest that leaves both axes the pixels of the resized picture")
  func choice() {
    for (stored, resized, expected) in [
      ((640, 480), (320, 240), JPEGReduction.half), ((640, 480), (321, 240), .none), ((640, 480), (320, 241), .none),
      ((640, 480), (640, 480), .none), ((640, 480), (900, 675), .none), ((640, 480), (161, 120), .half),
      ((640, 480), (160, 120), .quarter), ((641, 481), (80, 60), .eighth), ((640, 480), (10, 7), .eighth),
      ((7, 7), (1, 1), .none), ((8, 8), (1, 1), .eighth),
    ] {
      let placement = Placement(
        sourceWidth: stored.0, sourceHeight: stored.1, isFlipped: false, scale: 1, resizedWidth: resized.0,
        resizedHeight: resized.1, cropX: 0, cropY: 0, canvasWidth: 640, canvasHeight: 640)
      #expect(placement.reduction == expected, "\(stored) to \(resized)")
    }
  }

  @Test("a reduced picture holds the means over the pixels that became one, in every kind of file")
  func blockMeansOfFiles() throws {
    for chroma in [ChromaSubsampling.none, .halfBoth] {
      let file = waves(width: 333, height: 251).jpegFile(quality: 95, chroma: chroma)
      try expectBlockMeans(file, name: "waves", within: 1)
    }
    struct Golden: Decodable {
      struct File: Decodable { var name, file: String }
      var files: [File]
    }
    for golden in try Fixtures.golden("jpeg.json", as: Golden.self).files {
      // Noise in 37x29 pixels, where the whole picture smooths colours that the reduced one has as they are.
      try expectBlockMeans(elements(golden.file, as: UInt8.self), name: golden.name, within: 6)
    }
  }

  @Test("photographs too, each to one grey level in the mean", .enabled(if: Fixtures.sharedData != nil))
  func blockMeansOfPhotographs() throws {
    for photograph in try photographs() { try expectBlockMeans(photograph, name: "photograph", within: 1) }
  }

  @Test("what is resized from fewer pixels looks as from all, where a picture is smooth")
  func smooth() throws {
    let file = waves(width: 333, height: 251).jpegFile(quality: 95, chroma: .none)
    // Measured 0.54, 1.07 and 3.48 of 64 levels: means and straight lines over up to 8 pixels of a wave are flatter than
    // it. Half a stored pixel aside makes 2 levels.
    for (reduction, bound) in zip(Self.reductions, [0.8, 1.5, 5]) {
      let difference = try meanRenderedDifference(file, reduction)
      #expect(difference < bound, "\(reduction)")
    }
  }

  @Test("photographs keep their look", .enabled(if: Fixtures.sharedData != nil))
  func photographsResized() throws {
    let photographs = try photographs()
    // Measured 6.1, 10.1 and 14.1: the resize of the whole picture skips pixels, which is rough where there is texture.
    for (reduction, bound) in zip(Self.reductions, [7.0, 12.0, 16.0]) {
      let sum = try photographs.reduce(0) { $0 + (try meanRenderedDifference($1, reduction)) }
      #expect(sum / Double(photographs.count) < bound, "\(reduction)")
    }
  }

  @Test("edges land where the whole picture puts them, flipped, cropped, in both forms", arguments: reductions)
  func geometry(reduction: JPEGReduction) throws {
    // No side is a multiple of the factors, so the last decoded pixels reach over the edge.
    let file = ramps(width: 333, height: 251).jpegFile(quality: 98, chroma: .none)
    var decoder = JPEGDecoder()
    var (whole, reduced) = (RGBImage(), RGBImage())
    try decoder.decode(file, name: "ramps", into: &whole)
    try decoder.decode(file, name: "ramps", reduction: reduction, into: &reduced)
    var edgeCount = 0
    for form: ImageTransform.Form in [
      .paper(size: 266 / reduction.factor, scale: 0.8...1.25),
      .torchvision(minimumSize: 240 / reduction.factor, maximumSize: 400),
    ] {
      let transform = ImageTransform(form)
      for number in 0..<12 {
        var random = RandomSequence(Philox(seed: 5, stream: 0), UInt32(number), 0, 0)
        let placement = try transform.trainingPlacement(width: 333, height: 251, random: &random)
        #expect(placement.reduction == reduction)
        let expected = edges(render(whole, transform, placement), placement)
        let found = edges(render(reduced, transform, placement, reduction), placement)
        #expect(found.count == expected.count)
        edgeCount += expected.count
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 0.1, "\(placement): \(found), \(expected)") }
      }
    }
    #expect(edgeCount > 60)
  }

  @Test("training samples may be decoded reduced, with the same objects; a reader's pictures are whole unless asked")
  func samples() throws {
    try withDataset { directory, whole in
      let source = SampleSource(
        dataset: whole.dataset, transform: whole.transform, sampler: whole.sampler, usesScaledDecoding: true)
      let reader = ImageReader()
      func load(_ source: SampleSource, _ position: Int) throws -> (TrainingSample, [Float]) {
        var output = [Float](repeating: .nan, count: 3 * 96 * 96)
        let sample = try output.withUnsafeMutableBufferPointer {
          try source.load(epoch: 2, position: position, reader: reader, into: $0).sample
        }
        return (sample, output)
      }
      for position in 0..<3 {
        let (sample, output) = try load(source, position)
        #expect(reader.image.width == 167 && reader.image.height == 126)
        let (wholeSample, wholeOutput) = try load(whole, position)
        #expect(reader.image.width == 333 && reader.image.height == 251)
        #expect(sample == wholeSample && !sample.boxes.isEmpty)
        #expect(output != wholeOutput)
        #expect(try load(source, position).1 == output)
      }
      // The half of either size is 167 columns.
      let first = source.sampler.imageIndex(epoch: 2, position: 0)
      try Fixtures.picture(width: 334, height: 251).write(to: source.dataset.imagePath(at: first))
      var output = [Float](repeating: .nan, count: 3 * 96 * 96)
      let faults = try output.withUnsafeMutableBufferPointer {
        try source.load(epoch: 2, position: 0, reader: reader, into: $0).faults
      }
      #expect(faults.count == 1 && faults[0].description.contains("is 334x251"))
    }
  }
}

/// Checks a file's reduced pictures against the means over blocks of the whole one, in grey levels a value.
private func expectBlockMeans(_ file: [UInt8], name: String, within bound: Double) throws {
  var decoder = JPEGDecoder()
  var (whole, reduced) = (RGBImage(), RGBImage())
  try decoder.decode(file, name: name, into: &whole)
  for reduction in ScaledDecodingTests.reductions {
    let size = try decoder.decode(file, name: name, reduction: reduction, into: &reduced)
    #expect(size == (whole.width, whole.height))
    let expected = blockMeans(whole, reduction.factor)
    try #require(reduced.width == expected.width && reduced.height == expected.height)
    let sum = zip(reduced.pixels, expected.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    #expect(Double(sum) / Double(expected.pixels.count) < bound, "\(name) \(reduction)")
  }
}

/// How far a file decoded whole and reduced differ after the resize, in grey levels a value.
private func meanRenderedDifference(_ file: [UInt8], _ reduction: JPEGReduction) throws -> Double {
  var decoder = JPEGDecoder()
  var (whole, reduced) = (RGBImage(), RGBImage())
  try decoder.decode(file, name: "whole", into: &whole)
  try decoder.decode(file, name: "reduced", reduction: reduction, into: &reduced)
  var transform = ImageTransform(.paper(size: max(whole.width, whole.height) / reduction.factor, scale: 1...1))
  transform.deviation = SIMD3(repeating: 1 / 255)
  let placement = try transform.evaluationPlacement(width: whole.width, height: whole.height)
  #expect(placement.reduction == reduction)
  let (a, b) = (render(whole, transform, placement), render(reduced, transform, placement, reduction))
  var sum = 0.0
  for index in a.indices { sum += Double(abs(a[index] - b[index])) }
  return sum / Double(3 * placement.visibleWidth * placement.visibleHeight)
}

private func photographs() throws -> [[UInt8]] {
  let folder = try #require(Fixtures.sharedData) + "/coco-mini/train2017"
  let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".jpg") }
  #expect(names.count == 33)
  return try names.map { Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))) }
}

private func render(
  _ image: RGBImage, _ transform: ImageTransform, _ placement: Placement, _ reduction: JPEGReduction = .none
) -> [Float] {
  var output = [Float](repeating: .nan, count: 3 * placement.canvasHeight * placement.canvasWidth)
  var scratch = RenderScratch()
  output.withUnsafeMutableBufferPointer {
    transform.render(image, placement, reduction: reduction, into: $0, scratch: &scratch)
  }
  return output
}

/// The means over blocks of factor x factor pixels, cut at the edges.
private func blockMeans(_ image: RGBImage, _ factor: Int) -> RGBImage {
  var result = RGBImage(width: (image.width + factor - 1) / factor, height: (image.height + factor - 1) / factor)
  for y in 0..<result.height {
    for x in 0..<result.width {
      for channel in 0..<3 {
        var (sum, count) = (0, 0)
        for row in y * factor..<min((y + 1) * factor, image.height) {
          for column in x * factor..<min((x + 1) * factor, image.width) {
            sum += Int(image.pixels[(row * image.width + column) * 3 + channel])
            count += 1
          }
        }
        result.pixels[(y * result.width + x) * 3 + channel] = UInt8((sum + count / 2) / count)
      }
    }
  }
  return result
}

/// Waves of 90 pixels, up to 7 levels from one pixel to the next.
private func waves(width: Int, height: Int) -> RGBImage {
  var image = RGBImage(width: width, height: height)
  for y in 0..<height {
    for x in 0..<width {
      for channel in 0..<3 {
        let phase = Double(x) * 0.07 + Double(y) * 0.05 * Double(channel - 1)
        image.pixels[(y * width + x) * 3 + channel] = UInt8((128 + 100 * sin(phase)).rounded())
      }
    }
  }
  return image
}

/// Red rises and falls along the columns, green along the rows, over 64 pixels each.
private func ramps(width: Int, height: Int) -> RGBImage {
  func value(_ position: Int, rise: Double, fall: Double) -> UInt8 {
    let centre = Double(position) + 0.5
    let level = min((centre - rise) / 64, (fall - centre) / 64) + 0.5
    return UInt8((max(0, min(1, level)) * 255).rounded())
  }
  var image = RGBImage(width: width, height: height)
  for y in 0..<height {
    for x in 0..<width {
      image.pixels[(y * width + x) * 3] = value(x, rise: 71.3, fall: 262.8)
      image.pixels[(y * width + x) * 3 + 1] = value(y, rise: 60.6, fall: 190.1)
    }
  }
  return image
}

/// Where red passes its middle along the middle row, and green along the middle column, in pixels of the canvas.
private func edges(_ output: [Float], _ placement: Placement) -> [Float] {
  let (width, area) = (placement.canvasWidth, placement.canvasWidth * placement.canvasHeight)
  let transform = ImageTransform(.paper(size: 1, scale: 1...1))
  func crossings(_ values: [Float], _ channel: Int) -> [Float] {
    let middle = (0.5 - transform.mean[channel]) / transform.deviation[channel]
    return values.indices.dropFirst().compactMap { index in
      let (before, after) = (values[index - 1] - middle, values[index] - middle)
      return before * after < 0 ? Float(index) - after / (after - before) : nil
    }
  }
  let (row, column) = (placement.visibleHeight / 2, placement.visibleWidth / 2)
  return crossings((0..<placement.visibleWidth).map { output[row * width + $0] }, 0)
    + crossings((0..<placement.visibleHeight).map { output[area + $0 * width + column] }, 1)
}

/// Three pictures of 333x251 with an object each, which training shrinks to a canvas of 96x96.
private func withDataset(_ body: (String, SampleSource) throws -> Void) throws {
  try Fixtures.withTemporaryDirectory { directory in
    for number in 0..<3 {
      try Fixtures.picture(width: 333, height: 251).write(to: "\(directory)/\(number).jpg")
    }
    let images = (0..<3).map { #"{"id": \#($0), "file_name": "\#($0).jpg", "width": 333, "height": 251}"# }
    let objects = (0..<3).map { #"{"id": \#($0), "image_id": \#($0), "category_id": 1, "bbox": [90, 70, 150, 120]}"# }
    let json = """
      {"images": [\(images.joined(separator: ","))], "annotations": [\(objects.joined(separator: ","))],
       "categories": [{"id": 1, "name": "thing"}]}
      """
    try writeFile(Array(json.utf8), to: directory + "/a.json")
    let index = try COCOIndex.open(annotations: directory + "/a.json", cache: directory + "/cache")
    let dataset = try DetectionDataset(index: index, imageDirectory: directory, numbering: .byOrder, classCount: 1)
    try body(
      directory,
      SampleSource(
        dataset: dataset, transform: ImageTransform(.paper(size: 96, scale: 0.9...1.4)),
        sampler: Sampler(imageCount: 3, seed: 4)))
  }
}

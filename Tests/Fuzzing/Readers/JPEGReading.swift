import CSPNG
import Tensors

@testable import Datasets

nonisolated(unsafe) private var decoder = JPEGDecoder()
nonisolated(unsafe) private var image = RGBImage()
nonisolated(unsafe) private var scratch = RenderScratch()

/// A sound file, which decodes to the same pixels whatever the decoder met before.
private let sound = RGBImage(width: 9, height: 7, red: 200, green: 30, blue: 90).jpegFile()
private let soundPixels: [UInt8] = {
  var decoder = JPEGDecoder()
  var image = RGBImage()
  do { try decoder.decode(sound, name: "sound.jpg", into: &image) } catch { fatalError("\(error)") }
  return image.pixels
}()

/// Decodes the input as JPEG in every way, renders what was decoded for the network, and stores it as PNG and JPEG.
///
/// The decoder is the same for all inputs, as in a training run: it must be as good as new after each.
func readJPEG(_ bytes: UnsafeRawBufferPointer) {
  let file = Array(bytes)
  let orientation = ImageOrientation(ofFile: file)
  for reduction in JPEGReduction.allCases {
    for policy in [JPEGWarningPolicy.strict, .lenient] {
      expectingUserErrors([.badData]) {
        let stored = try decoder.decode(file, name: "input.jpg", reduction: reduction, policy: policy, into: &image)
        require(
          image.width == reduction.extent(of: stored.width) && image.height == reduction.extent(of: stored.height)
            && image.pixels.count == 3 * image.width * image.height, "another size than the file states")
        try render(stored, reduction, seed: UInt32(bytes.count))
        if image.pixels.count < 1 << 20 { turnThereAndBack(orientation) }
        if policy == .strict && reduction == .none && image.pixels.count < 1 << 20 { store() }
      }
      do { try decoder.decode(sound, name: "sound.jpg", into: &image) } catch { fatalError("\(error)") }
      require(image.pixels == soundPixels, "a sound file decodes to other pixels than before")
    }
  }
}

/// Renders the picture in both forms, as evaluation and as training place it.
private func render(_ stored: (width: Int, height: Int), _ reduction: JPEGReduction, seed: UInt32) throws {
  var fixed = ImageTransform(.torchvision(minimumSize: 40, maximumSize: 64))
  fixed.fixedCanvas = (64, 64)
  for transform in [
    ImageTransform(.paper(height: 64, width: 96, scale: 0.5...2)),
    ImageTransform(.torchvision(minimumSize: 40, maximumSize: 64)), fixed,
  ] {
    var random = RandomSequence(Philox(key: (1, 2)), seed, 0, 0)
    for placement in [
      try transform.evaluationPlacement(width: stored.width, height: stored.height),
      try transform.trainingPlacement(width: stored.width, height: stored.height, random: &random),
    ] {
      var canvas = [Float](repeating: .nan, count: 3 * placement.canvasWidth * placement.canvasHeight)
      canvas.withUnsafeMutableBufferPointer {
        transform.render(image, placement, reduction: reduction, into: $0, scratch: &scratch)
      }
      require(canvas.allSatisfy { abs($0) < 3 }, "a value that no pixel has: \(placement)")
    }
  }
}

/// Turns the picture as its file says and back, which must give the same pixels.
private func turnThereAndBack(_ orientation: ImageOrientation) {
  var (turned, back) = (RGBImage(), RGBImage())
  turned.turn(image, orientation)
  // Quarters undo each other, all others undo themselves.
  let inverse: ImageOrientation =
    switch orientation {
    case .quarterTurn: .threeQuarterTurn
    case .threeQuarterTurn: .quarterTurn
    case .upright, .mirrored, .halfTurn, .flipped, .transposed, .transversed: orientation
    }
  back.turn(turned, inverse)
  require(back == image, "another picture after a turn there and back")
}

/// Stores the picture as PNG, which must read back as the same pixels, and as JPEG.
private func store() {
  let file = image.pngFile()
  guard let context = spng_ctx_new(0) else { fatalError("libspng cannot create a decoder") }
  defer { spng_ctx_free(context) }
  var pixels = [UInt8](repeating: 0, count: image.pixels.count)
  // libspng keeps the pointer until it decodes.
  let status = file.withUnsafeBytes { bytes in
    require(spng_set_png_buffer(context, bytes.baseAddress, bytes.count) == 0, "libspng does not take the file")
    return spng_decode_image(context, &pixels, pixels.count, Int32(SPNG_FMT_RGB8.rawValue), 0)
  }
  require(status == 0 && pixels == image.pixels, "the PNG file holds another picture")
  require(!image.jpegFile().isEmpty, "an empty JPEG file")
}

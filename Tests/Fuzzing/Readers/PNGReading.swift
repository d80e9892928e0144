import Tensors

@testable import Datasets

nonisolated(unsafe) private var image = RGBImage()
nonisolated(unsafe) private var resampler = Resampler()

/// Decodes the input as PNG, and as a mask, and resizes what was decoded as a classifier's training and evaluation do.
func readPNG(_ bytes: UnsafeRawBufferPointer) {
  let file = Array(bytes)
  _ = ImageOrientation(ofFile: file)
  expectingUserErrors([.badData]) {
    let size = try PNGDecoder.size(of: file, name: "input.png")
    if size.width * size.height > 1 << 20 { return }
    let mask = try MaskFile.decode(file, name: "input.png")
    require(mask.width == size.width && mask.height == size.height, "a mask of another size than the file states")
  }
  expectingUserErrors([.badData]) {
    let size = try PNGDecoder.size(of: file, name: "input.png")
    // What else is slow to decode, and no different.
    if size.width * size.height > 1 << 20 { return }
    try PNGDecoder.decode(file, name: "input.png", into: &image)
    require(
      image.width == size.width && image.height == size.height && image.pixels.count == 3 * size.width * size.height,
      "another size than the file states")
    var transform = ClassificationTransform(height: 24, width: 40)
    var random = RandomSequence(Philox(key: (1, 2)), UInt32(bytes.count), 0, 0)
    var boxes = [transform.centreBox(width: size.width, height: size.height)]
    for area in [0.01, 0.9] {
      let box = transform.randomBox(width: size.width, height: size.height, minimumArea: area, random: &random)
      if let box { boxes.append(box) }
    }
    var output = RGBImage(width: transform.width, height: transform.height)
    for box in boxes {
      for filter in [ResamplingFilter.bilinear, .bicubic] {
        transform.filter = filter
        resampler.resample(image, PixelBox(box, reducedBy: .none), transform.filter, into: &output)
      }
    }
  }
}

import Tensors

extension RGBImage {
  /// The picture that normalised planes (channels, height, width) are of, red first; one plane is grey.
  ///
  /// The inverse of the normalisation, rounded to 8 bits; what lies beyond them is cut off. Padding of zeros is the mean. Traps
  /// unless there are one or three planes of this size.
  public init(
    normalized planes: [Float], channels: Int, height: Int, width: Int, mean: SIMD3<Float>, deviation: SIMD3<Float>
  ) {
    require(
      [1, 3].contains(channels) && planes.count == channels * height * width,
      "\(planes.count) numbers for \(channels)x\(height)x\(width)")
    self.init(width: width, height: height)
    let count = height * width
    for channel in 0..<3 {
      let plane = channels == 1 ? 0 : channel
      for pixel in 0..<count {
        let value = 255 * (planes[plane * count + pixel] * deviation[plane] + mean[plane])
        pixels[pixel * 3 + channel] = UInt8(min(max(value.rounded(), 0), 255))
      }
    }
  }

  /// The picture with the class that it belongs to below it.
  ///
  /// A small picture is enlarged first, see `DrawingStyle.enlargement`.
  public func drawing(className: String, number: Int, typeface: Typeface = .ofThisProcess) -> RGBImage {
    let result = enlargedForDrawing
    let legend = Legend(entries: [.init(swatch: .filled(ClassColors.color(number)), text: className)])
    return result.appending(
      legend, style: DrawingStyle(width: result.width, height: result.height), typeface)
  }
}

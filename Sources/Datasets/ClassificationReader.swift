import Tensors

/// Makes pictures into a classifier's input, one after the other; one reader serves one thread.
public final class ClassificationReader {
  private let files = ImageReader()
  private var resampler = Resampler()
  /// What becomes the input.
  private var view = RGBImage()
  /// A stored picture from memory, or one that is shifted.
  private var other = RGBImage()

  /// A reader with no buffers yet.
  public init() {}

  /// What the picture file that was opened last says about its orientation.
  public var orientation: ImageOrientation { files.orientation }

  /// Writes a picture as evaluation sees it, as planes (C, H, W).
  ///
  /// Throws exit code 65 for a file that cannot be read, also when it has gone.
  public func readForEvaluation(
    _ dataset: ClassificationDataset, at index: Int, _ transform: ClassificationTransform,
    into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    try loadView(dataset, index, transform, usesScaledDecoding: false) { evaluationBox(dataset, transform, $0, $1) }
    transform.normalize(view, channels: dataset.channels, into: output)
  }

  /// A picture of a data set as evaluation sees it, 8 bits a channel.
  ///
  /// Throws exit code 65 for a file that cannot be read, also when it has gone.
  public func pictureForEvaluation(
    _ dataset: ClassificationDataset, at index: Int, _ transform: ClassificationTransform
  ) throws -> RGBImage {
    try loadView(dataset, index, transform, usesScaledDecoding: false) { evaluationBox(dataset, transform, $0, $1) }
    return view
  }

  /// A picture file that belongs to no data set, as evaluation sees it: its middle in the input's size, 8 bits a channel.
  ///
  /// `channels` are the input's: for one of them red, green and blue all become the grey that Pillow makes of a picture (ITU-R
  /// BT.601). Throws exit codes 65 and 66.
  public func pictureForEvaluation(
    _ path: FilePath, _ rule: OrientationRule, _ transform: ClassificationTransform, channels: Int
  ) throws -> RGBImage {
    let stored = try files.open(path, rule)
    try loadView(transform.centreBox(width: stored.width, height: stored.height), transform, .none)
    if channels == 1 { view.enhanceColor(factor: 0) }
    return view
  }

  /// Writes a picture as an epoch of training sees it, as planes (C, H, W).
  ///
  /// A pure function of the sampler's seed, the epoch and the picture. Crop and flip, AutoAugment, and Cutout each have
  /// random numbers of their own, so that none changes with what else is switched on. Throws as `readForEvaluation`.
  public func readForTraining(
    _ dataset: ClassificationDataset, at index: Int, _ transform: ClassificationTransform, sampler: Sampler, epoch: Int,
    usesScaledDecoding: Bool, into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    var random = sampler.random(.augmentation, epoch: epoch, imageIndex: index)
    let isFlipped = random.uniform() < transform.flipProbability
    try loadView(dataset, index, transform, usesScaledDecoding: usesScaledDecoding) { width, height in
      if case .randomResized(let area) = transform.crop,
        let box = transform.randomBox(width: width, height: height, minimumArea: area, random: &random)
      {
        return box
      }
      return evaluationBox(dataset, transform, width, height)
    }
    if case .pad(let padding) = transform.crop, padding > 0 {
      let places = UInt64(2 * padding + 1)
      let (right, down) = (random.next(upperBound: places), random.next(upperBound: places))
      shiftView(right: padding - Int(right), down: padding - Int(down))
    }
    if isFlipped { view.flip() }
    if transform.usesAutoAugment {
      var random = sampler.random(.policy, epoch: epoch, imageIndex: index)
      AutoAugment.augment(&view, random: &random)
    }
    transform.normalize(view, channels: dataset.channels, into: output)
    if transform.cutout > 0 {
      var random = sampler.random(.cutout, epoch: epoch, imageIndex: index)
      let (rows, columns) = transform.cutoutBox(random: &random)
      clear(rows, columns, of: output, height: transform.height, width: transform.width)
    }
  }

  private func evaluationBox(
    _ dataset: ClassificationDataset, _ transform: ClassificationTransform, _ width: Int, _ height: Int
  ) -> CropBox {
    switch dataset.pictures {
    case .files: transform.centreBox(width: width, height: height)
    case .memory: CropBox(width: width, height: height)
    }
  }

  /// Fills `view` with the part of a picture that `box` chooses from the stored size.
  private func loadView(
    _ dataset: ClassificationDataset, _ index: Int, _ transform: ClassificationTransform, usesScaledDecoding: Bool,
    box: (_ width: Int, _ height: Int) -> CropBox
  ) throws {
    let (width, height) = (transform.width, transform.height)
    switch dataset.pictures {
    case .files(let folder):
      let stored = try open(folder.path(at: index), dataset.orientation)
      let box = box(stored.width, stored.height)
      let reduction = box.reduction(height: height, width: width, stored: stored)
      try loadView(box, transform, usesScaledDecoding ? reduction : .none)
    case .memory(let images):
      view.resize(width: width, height: height)
      let box = box(images.width, images.height)
      if box == CropBox(width: width, height: height) && images.width == width && images.height == height {
        view.interleave(images, at: index)
      } else {
        other.resize(width: images.width, height: images.height)
        other.interleave(images, at: index)
        resampler.resample(other, PixelBox(box, reducedBy: .none), transform.filter, into: &view)
      }
    }
  }

  /// Fills `view` with a part of the picture file that was opened last.
  private func loadView(_ box: CropBox, _ transform: ClassificationTransform, _ reduction: JPEGReduction) throws {
    view.resize(width: transform.width, height: transform.height)
    try files.decode(reduction: reduction)
    resampler.resample(files.image, PixelBox(box, reducedBy: files.reduction), transform.filter, into: &view)
  }

  private func open(_ path: FilePath, _ rule: OrientationRule) throws -> (width: Int, height: Int) {
    do {
      return try files.open(path, rule)
    } catch let error as InputError where error.exitCode == .missingFile {
      throw InputError(.badData, "\(error); it was there when the folder was listed")
    }
  }

  /// Moves `view`, whose uncovered part becomes black.
  private func shiftView(right: Int, down: Int) {
    swap(&view, &other)
    view.resize(width: other.width, height: other.height)
    view.shift(other, right: right, down: down)
  }
}

extension PixelBox {
  /// A part of a stored picture in the pixels of the decoded one.
  init(_ box: CropBox, reducedBy reduction: JPEGReduction) {
    let factor = Double(reduction.factor)
    self.init(
      x: Double(box.x) / factor, y: Double(box.y) / factor, width: Double(box.width) / factor,
      height: Double(box.height) / factor)
  }
}

extension RGBImage {
  /// Takes the pixels of a picture of this size in planes; grey gets three equal channels.
  fileprivate mutating func interleave(_ images: LabeledImages, at index: Int) {
    let (count, channels) = (width * height, images.channels)
    images.pixels.withUnsafeBufferPointer { bytes in
      pixels.withUnsafeMutableBufferPointer { pixels in
        for channel in 0..<3 {
          let plane = index * images.imageBytes + (channels == 3 ? channel : 0) * count
          for pixel in 0..<count { pixels[pixel * 3 + channel] = bytes[plane + pixel] }
        }
      }
    }
  }

  /// Exchanges left and right.
  mutating func flip() {
    let (width, height) = (width, height)
    pixels.withUnsafeMutableBufferPointer { pixels in
      for y in 0..<height {
        var (left, right) = (y * width * 3, ((y + 1) * width - 1) * 3)
        while left < right {
          for channel in 0..<3 { pixels.swapAt(left + channel, right + channel) }
          (left, right) = (left + 3, right - 3)
        }
      }
    }
  }

  /// Takes the pixels of a picture of the same size, moved; what nothing moves to becomes black.
  fileprivate mutating func shift(_ source: RGBImage, right: Int, down: Int) {
    let (width, height) = (width, height)
    let columns = max(0, right)..<max(max(0, right), min(width, width + right))
    source.pixels.withUnsafeBufferPointer { source in
      pixels.withUnsafeMutableBufferPointer { pixels in
        guard let source = source.baseAddress, let pixels = pixels.baseAddress else { return }
        pixels.update(repeating: 0, count: width * height * 3)
        for y in max(0, down)..<max(max(0, down), min(height, height + down)) {
          let from = ((y - down) * width + columns.lowerBound - right) * 3
          (pixels + (y * width + columns.lowerBound) * 3).update(from: source + from, count: columns.count * 3)
        }
      }
    }
  }
}

/// Sets a rectangle of every plane to 0, which is the mean.
private func clear(
  _ rows: Range<Int>, _ columns: Range<Int>, of output: UnsafeMutableBufferPointer<Float>, height: Int, width: Int
) {
  guard let base = output.baseAddress else { return }
  for row in 0..<output.count / width where rows.contains(row % height) {
    (base + row * width + columns.lowerBound).update(repeating: 0, count: columns.count)
  }
}

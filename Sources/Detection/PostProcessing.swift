import Glibc
import Tensors

/// The raw outputs of one pyramid level for one image, in blocked layout, H x W locations.
///
/// Channel c of location p lies at (c / b * H * W + p) * b + c % b, where b is the channel block; with b = 1 that is the
/// plain (C, H, W) layout. The pointers must outlive the call that reads them.
public struct LevelPredictions {
  /// The class logits: channel a * K + k, A * K in all.
  public var logits: UnsafeBufferPointer<Float>
  /// The encoded boxes: channel a * 4 + c, 4 * A in all, in the order of the form's code.
  public var regressions: UnsafeBufferPointer<Float>

  /// The outputs of a level.
  public init(logits: UnsafeBufferPointer<Float>, regressions: UnsafeBufferPointer<Float>) {
    (self.logits, self.regressions) = (logits, regressions)
  }
}

/// Where the original image lies in the padded one, and how it was scaled.
public struct ImagePlacement: Hashable, Sendable {
  /// Rows of the padded image that show the original, from the top.
  public var height: Int
  /// Columns of the padded image that show the original, from the left.
  public var width: Int
  /// Original pixels for each pixel of a row.
  public var scaleX: Float
  /// Original pixels for each pixel of a column.
  public var scaleY: Float

  /// A placement by its size and scales.
  public init(height: Int, width: Int, scaleX: Float, scaleY: Float) {
    (self.height, self.width, self.scaleX, self.scaleY) = (height, width, scaleX, scaleY)
  }

  /// The placement of an original image resized to `height` x `width`, scaled back by the ratio of sizes on each axis.
  public init(height: Int, width: Int, originalHeight: Int, originalWidth: Int) {
    self.init(
      height: height, width: width, scaleX: Float(originalWidth) / Float(width),
      scaleY: Float(originalHeight) / Float(height))
  }
}

/// How raw outputs become detections.
public struct PostProcessing: Hashable, Sendable {
  /// Pairs of anchor and class must score above this; nil lets all pass.
  public var scoreThreshold: Float?
  /// The best pairs that go on: of each level in torchvision's form, of the whole image in the paper's.
  public var candidateLimit: Int
  /// A box that overlaps a better one of its class by more than this is dropped.
  public var overlapThreshold: Float
  /// The most detections of an image.
  public var detectionLimit: Int
  /// Whether boxes are cut at the image's edges before they are compared.
  public var clipsToImage: Bool

  /// The published settings of a form.
  ///
  /// torchvision: score above 0.05, 1000 pairs a level, overlap 0.5, 300 detections. Paper (the official evaluation):
  /// no score threshold, 5000 pairs, overlap 0.5, 100 detections. The official evaluation leaves boxes that reach
  /// beyond the image as they are; here they are clipped unless `clipsToImage` is switched off.
  public init(form: ModelForm) {
    overlapThreshold = 0.5
    clipsToImage = true
    switch form {
    case .paper:
      (scoreThreshold, candidateLimit, detectionLimit) = (nil, 5000, 100)
    case .torchvision:
      (scoreThreshold, candidateLimit, detectionLimit) = (0.05, 1000, 300)
    }
  }
}

extension Anchors {
  /// The detections of one image, best first; equal logits keep the order of anchors and classes.
  ///
  /// `levels` holds the outputs of P3 to P7 for a network of `classCount` classes, K; `channelBlock` is the layout's
  /// block b. Boxes come back in pixels of the original image. Boxes that are not finite numbers are dropped.
  public func detections(
    _ levels: [LevelPredictions], classCount: Int, channelBlock: Int, placement: ImagePlacement,
    settings: PostProcessing
  ) -> [Detection] {
    require(levels.count == self.levels.count, "\(levels.count) levels of outputs, expected \(self.levels.count)")
    require(settings.candidateLimit > 0, "no candidate may pass: candidateLimit is \(settings.candidateLimit)")
    var candidates: [(logit: Float, index: Int)] = []
    let floor = settings.scoreThreshold.map(Self.lowestLogit) ?? -.infinity
    switch form {
    case .paper:
      var top = TopCandidates(limit: settings.candidateLimit, floor: floor)
      for level in levels.indices { collect(levels[level], level, classCount, channelBlock, into: &top) }
      candidates = top.sorted()
    case .torchvision:
      for level in levels.indices {
        var top = TopCandidates(limit: settings.candidateLimit, floor: floor)
        collect(levels[level], level, classCount, channelBlock, into: &top)
        candidates += top.sorted()
      }
      // The sort is stable and levels ascend, so equal logits stay in the order of their indices.
      candidates.sort { $0.logit > $1.logit }
    }
    var suppression = NonMaximumSuppression(
      form: form, classCount: classCount, overlapThreshold: settings.overlapThreshold)
    var detections: [Detection] = []
    for candidate in candidates where detections.count < settings.detectionLimit {
      let score = sigmoid(candidate.logit)
      if let threshold = settings.scoreThreshold, !(score > threshold) { continue }
      let (anchor, classIndex) = candidate.index.quotientAndRemainder(dividingBy: classCount)
      let location = location(of: anchor)
      let code = levels[location.level].code(location, self.levels[location.level].area, channelBlock)
      var box = form.decode(code, anchor: self[anchor])
      if settings.clipsToImage {
        box = box.clipped(height: Float(placement.height), width: Float(placement.width))
      }
      guard box.isFinite, suppression.keeps(box, classIndex: classIndex) else { continue }
      detections.append(
        Detection(box: box.scaled(x: placement.scaleX, y: placement.scaleY), score: score, classIndex: classIndex))
    }
    return detections
  }

  /// A logit just below every logit whose score passes a threshold, so that only candidates pay for a sigmoid.
  private static func lowestLogit(score: Float) -> Float { logf(score / (1 - score)) - 1e-3 }

  /// Offers a level's logits that reach the floor; padded lanes of the last channel block do not count.
  private func collect(
    _ predictions: LevelPredictions, _ number: Int, _ classCount: Int, _ channelBlock: Int,
    into top: inout TopCandidates
  ) {
    let level = levels[number]
    let channels = Self.perLocation * classCount
    let blocks = (channels + channelBlock - 1) / channelBlock
    let blockSize = level.area * channelBlock
    let logits = predictions.logits
    require(
      logits.count == blocks * blockSize,
      "level \(number): \(logits.count) logits, expected \(blocks * blockSize)")
    let regressionBlocks = (4 * Self.perLocation + channelBlock - 1) / channelBlock
    require(
      predictions.regressions.count == regressionBlocks * blockSize,
      "level \(number): \(predictions.regressions.count) regressions, expected \(regressionBlocks * blockSize)")
    for block in 0..<blocks {
      for start in stride(from: 0, to: blockSize, by: 16) {
        let width = min(16, blockSize - start)
        let base = block * blockSize + start
        if width == 16 {
          let values = UnsafeRawPointer(logits.baseAddress! + base).loadUnaligned(as: SIMD16<Float>.self)
          if !any(values .>= top.floor) { continue }
        }
        for offset in 0..<width where logits[base + offset] >= top.floor {
          let (pixel, lane) = (start + offset).quotientAndRemainder(dividingBy: channelBlock)
          let channel = block * channelBlock + lane
          if channel >= channels { continue }
          // Channel a * K + k of pixel p belongs to anchor p * A + a: the index is (p * A + a) * K + k.
          top.insert(
            logit: logits[base + offset], index: level.firstAnchor * classCount + pixel * channels + channel)
        }
      }
    }
  }
}

extension LevelPredictions {
  /// The four regression values of an anchor.
  fileprivate func code(_ location: AnchorLocation, _ area: Int, _ channelBlock: Int) -> SIMD4<Float> {
    var code = SIMD4<Float>()
    for axis in 0..<4 {
      let (block, lane) = (location.anchor * 4 + axis).quotientAndRemainder(dividingBy: channelBlock)
      code[axis] = regressions[(block * area + location.pixel) * channelBlock + lane]
    }
    return code
  }
}

private func sigmoid(_ x: Float) -> Float { 1 / (1 + expf(-x)) }

import Tensors
import Testing

@testable import Detection

@Suite struct PostProcessingTests {
  @Test("torchvision's detections equal its own postprocess_detections", arguments: [1, 8, 16])
  func torchvisionDetections(channelBlock: Int) throws {
    for golden in try DetectionGoldens.load().postprocess {
      let anchors = Anchors(form: .torchvision, height: golden.height, width: golden.width)
      let outputs = BlockedOutputs(anchors, classCount: golden.classes, channelBlock: channelBlock) {
        Float(noise($0, salt: 0)) / golden.divisor + golden.offset
      } regression: {
        Float(noise($0, salt: 777)) / 131_072 - 0.25
      }
      let placement = ImagePlacement(
        height: golden.content[0], width: golden.content[1], originalHeight: golden.original[0],
        originalWidth: golden.original[1])
      let detections = outputs.detections(placement, PostProcessing(form: .torchvision))
      #expect(detections.map(\.classIndex) == golden.labels)
      // Boxes are stored with four decimals; exponentials of libm and PyTorch differ in the last place.
      let distances = zip(detections, golden.boxes).map { $0.box.distance(to: Box($1)) }
      #expect(distances.max() ?? 1 < 2e-4)
      #expect(zip(detections, golden.scores).allSatisfy { abs($0.score - $1) < 1e-6 })
    }
  }

  @Test("the paper's detections equal sorting everything and comparing all pairs", arguments: [false, true])
  func paperDetections(clips: Bool) {
    let classCount = 7
    let anchors = Anchors(form: .paper, height: 128, width: 128)
    let outputs = BlockedOutputs(anchors, classCount: classCount, channelBlock: 16) {
      Float(noise($0, salt: 5) >> 4) / 512 - 6  // sixteen pairs share a logit: ties are common
    } regression: {
      Float(noise($0, salt: 99)) / 32768 - 1
    }
    var settings = PostProcessing(form: .paper)
    settings.clipsToImage = clips
    let placement = ImagePlacement(height: 100, width: 128, scaleX: 2, scaleY: 2)
    let detections = outputs.detections(placement, settings)

    let pairs = (0..<anchors.count * classCount).map { (logit: Float(noise($0, salt: 5) >> 4) / 512 - 6, index: $0) }
    let best = pairs.sorted { ($0.logit, -$0.index) > ($1.logit, -$1.index) }.prefix(5000)
    var kept: [(box: Box, index: Int)] = []
    for (_, index) in best {
      let values = (0..<4).map { Float(noise(index / classCount * 4 + $0, salt: 99)) / 32768 - 1 }
      var box = ModelForm.paper.decode(SIMD4(values), anchor: anchors[index / classCount])
      if clips { box = box.clipped(height: 100, width: 128) }
      let rivals = kept.filter { $0.index % classCount == index % classCount }
      if rivals.allSatisfy({ overlapWithPixel(box, $0.box) <= 0.5 }) { kept.append((box, index)) }
    }
    #expect(detections.count == 100)
    #expect(detections.map(\.classIndex) == kept.prefix(100).map { $0.index % classCount })
    #expect(detections.map(\.box) == kept.prefix(100).map { $0.box.scaled(x: 2, y: 2) })
    #expect(detections.contains { $0.box.y2 > 200 } == !clips)
  }

  @Test("the best candidates are those of a full sort, also where logits tie or descend through zero")
  func topCandidates() {
    var top = TopCandidates(limit: 50, floor: -1)
    let values = (0..<4000).map { Float(noise($0, salt: 3) >> 9) / 32 - 2 }
    for (index, value) in values.enumerated() where value >= top.floor { top.insert(logit: value, index: index) }
    let expected = values.indices.sorted { (values[$0], -$0) > (values[$1], -$1) }.prefix(50)
    let kept = top.sorted()
    #expect(kept.map(\.index) == Array(expected))
    #expect(kept.map(\.logit) == expected.map { values[$0] })
    var few = TopCandidates(limit: 5, floor: -Float.infinity)
    let special: [Float] = [-0.0, 0, -1e-30, 3, -Float.infinity]
    for (index, value) in special.enumerated() { few.insert(logit: value, index: index) }
    #expect(few.sorted().map(\.index) == [3, 0, 1, 2, 4])
  }

  @Test("suppression needs more than the threshold, stays within a class, and empty boxes suppress nothing")
  func suppression() {
    let box = Box(x1: 0, y1: 0, x2: 10, y2: 10)
    let half = Box(x1: 0, y1: 0, x2: 10, y2: 5)
    let more = Box(x1: 0, y1: 0, x2: 10, y2: 5.5)
    var plain = NonMaximumSuppression(form: .torchvision, classCount: 2, overlapThreshold: 0.5)
    #expect([box, half, more].map { plain.keeps($0, classIndex: 0) } == [true, true, false])
    let empty = Box(x1: 3, y1: 20, x2: 3, y2: 30)
    #expect([box, empty, empty].map { plain.keeps($0, classIndex: 1) } == [true, true, true])
    // With a pixel added 11 x 6 of 11 x 11 are shared, more than half.
    var withPixel = NonMaximumSuppression(form: .paper, classCount: 1, overlapThreshold: 0.5)
    #expect([box, half].map { withPixel.keeps($0, classIndex: 0) } == [true, false])
  }

  @Test("padded channels, though zero, are no candidates, and nothing above the threshold gives no detections")
  func paddedLanes() {
    let anchors = Anchors(form: .torchvision, height: 64, width: 64)
    let outputs = BlockedOutputs(anchors, classCount: 3, channelBlock: 16) { _ in
      -6
    } regression: { _ in
      0
    }
    let placement = ImagePlacement(height: 64, width: 64, scaleX: 1, scaleY: 1)
    #expect(outputs.detections(placement, PostProcessing(form: .torchvision)).isEmpty)
  }

  @Test("boxes that are not finite are dropped")
  func nonFiniteBoxes() {
    let anchors = Anchors(form: .paper, height: 64, width: 64)
    let outputs = BlockedOutputs(anchors, classCount: 1, channelBlock: 8) {
      Float($0 % 11)
    } regression: { _ in
      .nan
    }
    let placement = ImagePlacement(height: 64, width: 64, scaleX: 1, scaleY: 1)
    #expect(outputs.detections(placement, PostProcessing(form: .paper)).isEmpty)
  }
}

/// Overlap with a pixel added to every side.
private func overlapWithPixel(_ a: Box, _ b: Box) -> Float {
  let shared =
    max(min(a.x2, b.x2) - max(a.x1, b.x1) + 1, 0) * max(min(a.y2, b.y2) - max(a.y1, b.y1) + 1, 0)
  return shared / ((a.width + 1) * (a.height + 1) + (b.width + 1) * (b.height + 1) - shared)
}

/// The function of the same name in `Tests/Goldens/detection_goldens.py`: a permutation of 0..<65536 for each salt.
private func noise(_ index: Int, salt: Int) -> Int {
  var hash = (index + salt) & 0xffff
  hash = (hash * 0x9e35) & 0xffff
  hash ^= hash >> 7
  hash = (hash * 0x6a4d) & 0xffff
  return hash ^ (hash >> 9)
}

/// Network outputs in blocked layout, from functions of the index in (anchor, class) and (anchor, axis) order.
private struct BlockedOutputs {
  let anchors: Anchors
  let classCount: Int
  let channelBlock: Int
  let logits: [[Float]]
  let regressions: [[Float]]

  init(
    _ anchors: Anchors, classCount: Int, channelBlock: Int, logit: (Int) -> Float, regression: (Int) -> Float
  ) {
    (self.anchors, self.classCount, self.channelBlock) = (anchors, classCount, channelBlock)
    func blocked(_ values: Int, _ value: (Int) -> Float) -> [[Float]] {
      anchors.levels.map { level in
        let channels = Anchors.perLocation * values
        let blocks = (channels + channelBlock - 1) / channelBlock
        var plane = [Float](repeating: 0, count: blocks * level.area * channelBlock)
        for pixel in 0..<level.area {
          for channel in 0..<channels {
            let place = (channel / channelBlock * level.area + pixel) * channelBlock + channel % channelBlock
            plane[place] = value(level.firstAnchor * values + pixel * channels + channel)
          }
        }
        return plane
      }
    }
    logits = blocked(classCount, logit)
    regressions = blocked(4, regression)
  }

  func detections(_ placement: ImagePlacement, _ settings: PostProcessing) -> [Detection] {
    let copies = zip(logits, regressions).map { logits, regressions in
      let copies = (
        UnsafeMutableBufferPointer<Float>.allocate(capacity: logits.count),
        UnsafeMutableBufferPointer<Float>.allocate(capacity: regressions.count)
      )
      _ = copies.0.initialize(from: logits)
      _ = copies.1.initialize(from: regressions)
      return copies
    }
    defer {
      for copy in copies {
        copy.0.deallocate()
        copy.1.deallocate()
      }
    }
    let levels = copies.map {
      LevelPredictions(logits: UnsafeBufferPointer($0.0), regressions: UnsafeBufferPointer($0.1))
    }
    return anchors.detections(
      levels, classCount: classCount, channelBlock: channelBlock, placement: placement, settings: settings)
  }
}

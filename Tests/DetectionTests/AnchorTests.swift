import Tensors
import Testing

@testable import Detection

@Suite struct AnchorTests {
  @Test("torchvision's anchors equal its own AnchorGenerator bit for bit")
  func torchvisionAnchors() throws {
    for golden in try DetectionGoldens.load().anchors {
      let anchors = Anchors(form: .torchvision, height: golden.height, width: golden.width)
      #expect(anchors.count == golden.count)
      for (index, corners) in zip(golden.sample, golden.boxes) {
        #expect(anchors[index] == Box(corners), "anchor \(index) of \(golden.height) x \(golden.width)")
      }
      // Whole numbers below 2^53: the sums are exact.
      var sum = [Double](repeating: 0, count: 4)
      for index in 0..<anchors.count {
        let box = anchors[index]
        for (axis, value) in [box.x1, box.y1, box.x2, box.y2].enumerated() { sum[axis] += Double(value) }
      }
      #expect(sum == golden.sum)
    }
  }

  @Test("a 640-pixel image has 76,725 anchors in both forms", arguments: ModelForm.allCases)
  func anchorCount(form: ModelForm) {
    let anchors = Anchors(form: form, height: 640, width: 640)
    #expect(anchors.count == 76_725)
    #expect(anchors.levels.map(\.height) == [80, 40, 20, 10, 5])
    #expect(anchors.levels.map(\.firstAnchor) == [0, 57_600, 72_000, 75_600, 76_500])
  }

  @Test("the paper's anchors have their closed forms: size 4 * 2^level * 2^(k/3), centres half a stride in")
  func paperAnchors() {
    let anchors = Anchors(form: .paper, height: 640, width: 512)
    let aspects: [(x: Double, y: Double)] = [(1, 1), (1.4, 0.7), (0.7, 1.4)]
    let octaves = [1, 1.2599210498948732, 1.5874010519681994]
    var index = 0
    var worst = 0.0
    for level in 3...7 {
      let stride = Double(1 << level)
      for y in 0..<(640 >> level) {
        for x in 0..<(512 >> level) {
          for octave in octaves {
            for aspect in aspects {
              let (halfX, halfY) = (2 * stride * octave * aspect.x, 2 * stride * octave * aspect.y)
              let (centerX, centerY) = ((Double(x) + 0.5) * stride, (Double(y) + 0.5) * stride)
              let box = anchors[index]
              worst = max(worst, abs(Double(box.x1) - (centerX - halfX)), abs(Double(box.x2) - (centerX + halfX)))
              worst = max(worst, abs(Double(box.y1) - (centerY - halfY)), abs(Double(box.y2) - (centerY + halfY)))
              index += 1
            }
          }
        }
      }
    }
    #expect(index == anchors.count)
    // Coordinates stay below 2048: half a unit in the last place of a Float there is 6.1e-5.
    #expect(worst <= 6.2e-5)
  }

  @Test("torchvision's half sizes are rounded to even: 50.5 becomes 50 and 101.5 becomes 102")
  func roundedTies() {
    let p4 = ModelForm.torchvision.anchorShapes(level: 4)
    let p5 = ModelForm.torchvision.anchorShapes(level: 5)
    #expect(p4[5].halfWidth == 50 && p4[5].halfHeight == 50)
    #expect(p5[5].halfWidth == 102 && p5[5].halfHeight == 102)
    let p3 = ModelForm.torchvision.anchorShapes(level: 3)
    #expect(p3.map(\.halfWidth) == [23, 28, 35, 16, 20, 25, 11, 14, 18])
    #expect(p3.map(\.halfHeight) == [11, 14, 18, 16, 20, 25, 23, 28, 35])
  }

  @Test("torchvision's strides are the padded size over the grid size, rounded down")
  func torchvisionStrides() {
    let anchors = Anchors(form: .torchvision, height: 800, width: 1088)
    #expect(anchors.levels.map(\.strideY) == [8, 16, 32, 61, 114])
    #expect(anchors.levels.map(\.strideX) == [8, 16, 32, 64, 120])
  }

  @Test("an index and its location name the same anchor", arguments: ModelForm.allCases)
  func locations(form: ModelForm) {
    let anchors = Anchors(form: form, height: 200, width: 136)
    var index = 0
    for (number, level) in anchors.levels.enumerated() {
      for pixel in 0..<level.area {
        for anchor in 0..<Anchors.perLocation {
          #expect(anchors.location(of: index) == AnchorLocation(level: number, pixel: pixel, anchor: anchor))
          index += 1
        }
      }
    }
    #expect(index == anchors.count)
  }
}

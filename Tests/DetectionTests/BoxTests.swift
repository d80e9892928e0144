import Tensors
import Testing

@testable import Detection

@Suite struct BoxTests {
  @Test("overlap is shared area over covered area, without a pixel added")
  func overlap() {
    let box = Box(x1: 0, y1: 0, x2: 4, y2: 2)
    #expect(box.area == 8)
    #expect(box.intersectionOverUnion(box) == 1)
    #expect(box.intersectionOverUnion(Box(x1: 2, y1: 1, x2: 6, y2: 3)) == Float(2) / 14)
    #expect(box.intersectionOverUnion(Box(x1: 4, y1: 0, x2: 8, y2: 2)) == 0)
    let point = Box(x1: 1, y1: 1, x2: 1, y2: 1)
    #expect(point.intersectionOverUnion(point) == 0)
  }

  @Test("clipping keeps the part inside the image")
  func clipping() {
    let box = Box(x1: -3, y1: 5, x2: 90, y2: 70).clipped(height: 60, width: 80)
    #expect(box == Box(x1: 0, y1: 5, x2: 80, y2: 60))
  }

  @Test("torchvision's coding equals its BoxCoder, with sizes bounded in decoding")
  func torchvisionCoding() throws {
    let golden = try DetectionGoldens.load().coding
    for index in golden.anchors.indices {
      let anchor = Box(golden.anchors[index])
      let code = ModelForm.torchvision.encode(Box(golden.boxes[index]), anchor: anchor)
      let expected = golden.encoded[index]
      // The vector logarithm of PyTorch and libm's differ in the last place.
      for axis in 0..<4 { #expect(abs(code[axis] - expected[axis]) <= 1e-6 * max(1, abs(expected[axis]))) }
      let values = golden.codes[index]
      let decoded = ModelForm.torchvision.decode(SIMD4(values), anchor: anchor)
      let box = Box(golden.decoded[index])
      // One unit in the last place of the exponential moves a corner by 1e-7 of the box's size.
      let extent = max(box.width, box.height, 256)
      #expect(decoded.distance(to: box) <= 1e-6 * extent)
    }
  }

  @Test("the paper's code is (ty, tx, th, tw) in anchor sizes and log ratios")
  func paperCoding() {
    let anchor = Box(x1: 10, y1: 20, x2: 30, y2: 60)  // 20 x 40 around (20, 40)
    let box = Box(x1: 20, y1: 40, x2: 40, y2: 60)  // 20 x 20 around (30, 50)
    let code = ModelForm.paper.encode(box, anchor: anchor)
    #expect(code[0] == 0.25)
    #expect(code[1] == 0.5)
    #expect(abs(code[2] + 0.6931472) < 1e-6)
    #expect(code[3] == 0)
    #expect(ModelForm.paper.decode(code, anchor: anchor).distance(to: box) < 1e-5)
  }

  @Test("the paper's code of a box without area is finite: sizes have 1e-8 added")
  func paperCodingOfAPoint() {
    let anchor = Box(x1: 0, y1: 0, x2: 32, y2: 32)
    let code = ModelForm.paper.encode(Box(x1: 16, y1: 16, x2: 16, y2: 16), anchor: anchor)
    // log(1e-8 / 32) = -21.886416
    #expect(abs(code[2] + 21.886416) < 1e-4)
    #expect(code[0] == 0)
  }
}

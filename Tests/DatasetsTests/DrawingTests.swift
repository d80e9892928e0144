import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Oracle: where lines and plates must lie, by hand; what must never happen to labels.
@Suite struct DrawingTests {
  private let grey = RGBImage(width: 400, height: 320, red: 90, green: 90, blue: 90)

  @Test("a box is drawn on its edge in its class's colour, and the picture inside stays as it was")
  func boxEdges() {
    let corners = SIMD4<Float>(100, 80, 200, 180)
    let drawn = grey.drawing([LabeledBox(corners: corners, label: "cat", score: 0.9, classNumber: 3)])
    // A rim of one pixel, two of colour, another rim, then the picture. Black is read better on vermilion, white on blue.
    for point in [(100, 130), (199, 130), (150, 80), (150, 179), (103, 130)] {
      #expect(drawn.pixel(point) == [0, 0, 0], "\(point)")
    }
    for point in [(101, 130), (102, 130), (198, 130), (150, 81)] { #expect(drawn.pixel(point) == [213, 94, 0]) }
    #expect(drawn.pixel((104, 130)) == [90, 90, 90] && drawn.pixel((98, 130)) == [90, 90, 90])
    let other = grey.drawing([LabeledBox(corners: corners, label: "", classNumber: 4)])
    #expect(other.pixel((101, 130)) == [0, 114, 178] && other.pixel((100, 130)) == [255, 255, 255])
  }

  @Test("what is not learned from has light and dark dashes and no class's colour")
  func ignored() {
    let box = LabeledBox(
      corners: SIMD4(100, 80, 200, 180), label: "", classNumber: 3, ignoredBecause: "crowd")
    let drawn = grey.drawing([box], typeface: Typeface(FontFiles([])))
    let edge = Set((100..<200).map { drawn.pixel(($0, 80)) })
    #expect(edge == [[0, 0, 0], [255, 255, 255]])
    #expect(box.captions == [" (crowd)", ""])
  }

  @Test(
    "lines and letters grow with the picture, and a small picture grows until letters can be read",
    arguments: [
      (320, 320, 1, 2, 12), (64, 64, 5, 2, 12), (640, 480, 1, 2, 13), (1920, 1080, 1, 4, 30), (4000, 3000, 1, 12, 64),
      (20000, 300, 1, 2, 12), (1, 300, 13, 2, 12), (2049, 2, 1, 2, 12),
    ])
  func widths(width: Int, height: Int, factor: Int, line: Int, text: Int) {
    #expect(DrawingStyle.enlargement(width: width, height: height) == factor)
    let style = DrawingStyle(width: width * factor, height: height * factor)
    #expect(style.lineWidth == line && style.textSize == text && style.rimWidth >= 1)
    let crowded = DrawingStyle(width: width * factor, height: height * factor, boxes: 300)
    #expect(crowded.lineWidth == max(2, line / 2) && crowded.textSize == max(12, text * 2 / 3))
    #expect(crowded.rimWidth == (line < 8 ? 0 : 1))
  }

  @Test("boxes beyond the picture, empty, inverted or not finite ones draw without harm, and small pictures grow")
  func extremes() {
    let image = RGBImage(width: 50, height: 40, red: 9)
    let boxes = [
      SIMD4<Float>(-100, -100, 500, 500), SIMD4(10, 10, 10, 10), SIMD4(30, 30, 5, 5), SIMD4(49, 39, 50, 40),
      SIMD4(.nan, 0, 10, 10), SIMD4(-.infinity, 0, .infinity, 10), SIMD4(0, 0, 1e30, 1e30), SIMD4(90, 90, 99, 99),
    ].map { LabeledBox(corners: $0, label: "a rather long name for a label", score: 2, classNumber: -1) }
    let drawn = image.drawing(boxes)
    #expect(drawn.width == 400 && drawn.height >= 320 && drawn.pixels.count == drawn.width * drawn.height * 3)
    #expect(image.drawing([]).pixel((399, 319)) == [9, 0, 0] && image.drawing([]).height == 320)
    for (width, height, factor) in [(1, 300, 13), (300, 1, 13), (5000, 1, 1), (2049, 2, 1), (1, 1, 320)] {
      let drawn = RGBImage(width: width, height: height).drawing(boxes)
      #expect(drawn.width == factor * width && drawn.height >= factor * height)
    }
  }

  /// Boxes all over a picture, the same in every run.
  private func boxes(_ count: Int, width: Float, height: Float) -> [LabeledBox] {
    var random = RandomSequence(Philox(seed: 5, stream: 0), 0, 0, 0)
    return (0..<count).map { number in
      let (left, top) = (width * 0.9 * random.uniform(), height * 0.9 * random.uniform())
      return LabeledBox(
        corners: SIMD4(left, top, left + width * 0.3 * random.uniform(), top + height * 0.3 * random.uniform()),
        label: "class \(number % 9)", score: random.uniform(), classNumber: number % 9)
    }
  }

  @Test("labels lie in the picture at their boxes, none covers another, and all have one while there is room")
  func placement() {
    for count in [1, 20, 400] {
      let areas = boxes(count, width: 640, height: 480).map { box in
        PixelArea(
          left: Int(box.corners[0]), top: Int(box.corners[1]), right: min(640, Int(box.corners[2]) + 1),
          bottom: min(480, Int(box.corners[3]) + 1))
      }
      var placement = LabelPlacement(width: 640, height: 480, boxes: areas)
      var left = 0
      for (number, area) in areas.enumerated() {
        guard let label = placement.place(width: 70, height: 16, box: number) else {
          left += 1
          continue
        }
        #expect(label.isWithin(width: 640, height: 480) && label.width == 70 && label.height == 16)
        let around = PixelArea(
          left: area.left - 1, top: area.top - 1, right: area.right + 1, bottom: area.bottom + 1)
        #expect(label.overlaps(around), "\(label) is not at \(area)")
      }
      let labels = placement.labels
      for (number, label) in labels.enumerated() { #expect(!labels[..<number].contains(where: label.overlaps)) }
      #expect(placement.coveredPixels == 70 * 16 * labels.count && labels.count + left == count)
      #expect(count == 400 ? left > 0 && labels.count > 100 : left == 0, "\(left) of \(count) left out")
    }
  }

  @Test("labels of the same box are moved apart until its edges are full; a label larger than the picture has no place")
  func sameBox() {
    let box = PixelArea(left: 200, top: 200, width: 90, height: 60)
    var placement = LabelPlacement(
      width: 640, height: 480, boxes: [box, PixelArea(left: 630, top: 100, width: 10, height: 20)])
    let first = (0..<8).compactMap { _ in placement.place(width: 60, height: 16, box: 0) }
    #expect(first.count == 8)
    // Above its left corner, inside at the top, below, and at its sides.
    #expect(first[0] == PixelArea(left: 200, top: 184, width: 60, height: 16))
    #expect(first[1] == PixelArea(left: 200, top: 200, width: 60, height: 16))
    #expect(first[2] == PixelArea(left: 200, top: 260, width: 60, height: 16))
    #expect(first[3] == PixelArea(left: 290, top: 200, width: 60, height: 16))
    for _ in 0..<50 { _ = placement.place(width: 60, height: 16, box: 0) }
    #expect(placement.place(width: 60, height: 16, box: 0) == nil)
    #expect(placement.place(width: 641, height: 16, box: 0) == nil)
    // At the right edge the label reaches beyond its box's other side.
    let last = placement.place(width: 60, height: 16, box: 1)
    #expect(last == PixelArea(left: 580, top: 84, width: 60, height: 16))
  }

  @Test("a label stands where it hides no other box, if there is such a place")
  func hidesNothing() {
    let box = PixelArea(left: 200, top: 200, width: 50, height: 60)
    // A small box above it, and a large one of which a label hides little.
    let others = [
      PixelArea(left: 205, top: 186, width: 12, height: 12), PixelArea(left: 0, top: 240, width: 640, height: 240),
    ]
    var placement = LabelPlacement(width: 640, height: 480, boxes: [box] + others)
    #expect(
      placement.place(width: 60, height: 16, box: 0) == PixelArea(left: 200, top: 260, width: 60, height: 16))
  }

  @Test("the same boxes give the same picture, on several threads at once too")
  func repeatable() throws {
    let image = RGBImage(width: 640, height: 480, red: 40, green: 90, blue: 60)
    let boxes = boxes(300, width: 640, height: 480)
    let typeface = try TypefaceTests.dejaVu()
    let drawn = image.drawing(boxes, typeface: typeface)
    let others = Monitor<[RGBImage]>([])
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      let other = image.drawing(boxes, typeface: typeface)
      others.withLock { $0.append(other) }
    }
    #expect(others.withLock { $0 }.allSatisfy { $0 == drawn })
  }

  @Test("the legend has every class once with its count, what is not learned from, and how many labels found no room")
  func legend() {
    let box = SIMD4<Float>(1, 2, 30, 40)
    var boxes = [3, 0, 3].map { LabeledBox(corners: box, label: "class \($0)", classNumber: $0) }
    boxes.append(LabeledBox(corners: box, label: "class 0", classNumber: 0, ignoredBecause: "crowd"))
    let legend = Legend.ofBoxes(boxes, withoutLabel: 2)
    #expect(
      legend.entries == [
        .init(swatch: .filled(ClassColors.color(0)), text: "class 0 (1)"),
        .init(swatch: .filled(ClassColors.color(3)), text: "class 3 (2)"),
        .init(swatch: .dashed, text: "crowd: not learned from (1)"),
        .init(swatch: nil, text: "no room for 2 of 4 labels"),
      ])
    #expect(Legend.ofBoxes(boxes, withoutLabel: 0).entries == Array(legend.entries.dropLast()))
  }

  @Test("without a font every picture is drawn, without words and legend, and that is said with their number")
  func withoutFont() {
    let missing = Typeface(FontFiles(["/nowhere/none.ttf", "\(Locations.packageRoot)/Package.swift"]))
    #expect(missing.isMissing)
    let drawn = grey.drawing(boxes(40, width: 400, height: 320), typeface: missing)
    #expect(drawn.width == 400 && drawn.height == 320 && drawn != grey)
    let mask = ClassMask(width: 400, height: 320, classes: Array(repeating: 1, count: 400 * 320))
    #expect(grey.drawing(mask, classes: ClassList(names: ["a", "b"]), typeface: missing).height == 320)
    let sheet = PictureSheet(
      columns: ["a"], rows: [.init("b", [.init(grey, label: "c", score: 1)])], typeface: missing)
    #expect(sheet.drawn().width == sheet.size.width)
    let remark = missing.remark(pictures: 8) ?? ""
    #expect(remark.hasPrefix("no font was found: 8 pictures are drawn without words"), "\(remark)")
    #expect(remark.contains("fonts-dejavu-core") && remark.contains("DROPBLOCK_FONT"))
  }

  @Test("a mask's classes are drawn half and half with whole borders; background stays, void is striped")
  func mask() {
    var classes = [UInt8](repeating: 0, count: 400 * 320)
    for y in 100..<200 { for x in 100..<200 { classes[y * 400 + x] = x < 150 ? 1 : 255 } }
    let drawn = grey.drawing(
      ClassMask(width: 400, height: 320, classes: classes), classes: ClassList(names: ["background", "cat"]))
    #expect(drawn.pixel((50, 50)) == [90, 90, 90])
    // Class 1 is sky blue, half of it 128 of 255.
    #expect(drawn.pixel((120, 150)) == [88, 135, 162])
    #expect(drawn.pixel((100, 150)) == [86, 180, 233] && drawn.pixel((149, 150)) == [86, 180, 233])
    #expect(Set((155..<195).map { drawn.pixel(($0, 150)) }).count == 2)
    #expect(drawn.height > 320)
  }
}

extension RGBImage {
  func pixel(_ point: (x: Int, y: Int)) -> [UInt8] {
    Array(pixels[(point.y * width + point.x) * 3..<(point.y * width + point.x) * 3 + 3])
  }
}

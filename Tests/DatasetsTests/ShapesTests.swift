import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct ShapesTests {
  @Test("the data set on disk is whole COCO data: every picture decodes, every box lies in its picture")
  func onDisk() throws {
    let specification = ShapesSpecification(width: 96, height: 80, trainCount: 12, validationCount: 5, seed: 4)
    try Fixtures.withTemporaryDirectory { cache in
      let root = try ShapesDataset.root(of: specification, cache: cache)
      for (part, count) in [("train2017", 12), ("val2017", 5)] {
        let index = try COCOIndex.open(annotations: "\(root)/annotations/instances_\(part).json", cache: cache)
        #expect(index.categories.map(\.name) == ["circle", "square", "triangle", "star", "cross"])
        #expect(index.categories.map(\.id) == [1, 2, 3, 4, 5] && index.imageCount == count)
        let dataset = try DetectionDataset(
          index: index, imageDirectory: "\(root)/\(part)", numbering: .byOrder, classCount: 5)
        let reader = ImageReader()
        for position in 0..<count {
          try reader.read(dataset, at: position)
          let objects = dataset.objects(at: position)
          #expect((1...3).contains(objects.boxes.count) && objects.faults.isEmpty)
          for box in objects.boxes {
            #expect(box[0] >= 0 && box[1] >= 0 && box[2] <= 96 && box[3] <= 80)
            let size = max(box[2] - box[0], box[3] - box[1])
            #expect(size > 23.9 && size < 56.1)
          }
        }
      }
      // Nothing but the data set, its indexes and their fingerprints stays in the cache.
      #expect(try FileManager.default.contentsOfDirectory(atPath: cache).allSatisfy { !$0.contains(".tmp") })
      let path = "\(root)/train2017/000001.jpg"
      let before = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
      #expect(try ShapesDataset.root(of: specification, cache: cache) == root)
      #expect(try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date == before)
    }
  }

  @Test("pictures depend on seed, part and number alone")
  func deterministic() {
    let specification = ShapesSpecification(seed: 4)
    let picture = specification.picture(3, part: 0)
    #expect(specification.picture(3, part: 0).image == picture.image)
    #expect(ShapesSpecification(trainCount: 7, seed: 4).picture(3, part: 0).image == picture.image)
    for other in [
      specification.picture(3, part: 1), specification.picture(4, part: 0),
      ShapesSpecification(seed: 5).picture(3, part: 0),
    ] {
      #expect(other.image != picture.image)
    }
  }

  @Test("boxes and areas follow from the geometry of each kind", arguments: ShapeKind.allCases)
  func geometry(kind: ShapeKind) {
    let shape = PlacedShape(kind: kind, center: SIMD2(50, 47), radius: 30, angle: 0.3)
    var (area, low, high): (Float, SIMD2<Float>, SIMD2<Float>) = (0, SIMD2(100, 100), SIMD2(0, 0))
    for y in 0..<100 {
      for x in 0..<100 {
        let covered = shape.coverage(at: SIMD2(Float(x) + 0.5, Float(y) + 0.5))
        area += covered
        if covered > 0.02 {
          low = pointwiseMin(low, SIMD2(Float(x), Float(y)))
          high = pointwiseMax(high, SIMD2(Float(x + 1), Float(y + 1)))
        }
      }
    }
    let expected: Float
    switch kind {
    case .circle: expected = .pi * 900
    case .square: expected = 2 * 900
    case .triangle: expected = 3 * Float(3).squareRoot() / 4 * 900
    // Ten triangles between neighbouring corners of radii 1 and 0.42, 36 degrees apart.
    case .star: expected = 10 * 0.5 * 0.42 * sin(Float.pi / 5) * 900
    // Five squares whose side is 2 / sqrt(10).
    case .cross: expected = 5 * 0.4 * 900
    }
    // Smooth edges round corners off by a fraction of a pixel each.
    #expect(abs(area - expected) < 0.01 * expected + 5, "\(area) for \(expected)")
    let box = shape.box
    let difference = SIMD4(low.x, low.y, high.x, high.y) - box
    // The outermost pixel's centre can lie half a pixel inside the edge and the smooth edge half a pixel outside.
    #expect((0..<4).allSatisfy { abs(difference[$0]) < 1.6 }, "\(box) \(low) \(high)")
  }

  @Test("objects do not overlap, all kinds occur equally often, and each stands out from what surrounds it")
  func contents() {
    let specification = ShapesSpecification()
    var counts = [Int](repeating: 0, count: 5)
    for number in 0..<150 {
      let picture = specification.picture(number, part: 0)
      for (place, object) in picture.objects.enumerated() {
        counts[object.kind.rawValue] += 1
        for other in picture.objects[..<place] {
          let low = pointwiseMax(object.box.lowHalf, other.box.lowHalf)
          let high = pointwiseMin(object.box.highHalf, other.box.highHalf)
          #expect(low.x >= high.x || low.y >= high.y)
        }
        let inside = picture.image.color(at: (object.box.lowHalf + object.box.highHalf) / 2)
        let outside = picture.image.color(at: object.box.lowHalf)
        let difference = inside - outside
        #expect((difference * difference).sum().squareRoot() > 50, "picture \(number)")
      }
    }
    let total = counts.reduce(0, +)
    // Binomial with about 290 draws of chance 0.2: deviation 7, five of them are 34.
    #expect(total > 200 && counts.allSatisfy { abs($0 - total / 5) < 34 }, "\(counts)")
  }

  @Test("a cache that cannot be written is error 73")
  func unwritable() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try writeFile([1], to: directory + "/file")
      let error = thrown(InputError.self) {
        try ShapesDataset.root(of: ShapesSpecification(), cache: directory + "/file/cache")
      }
      #expect(error?.exitCode == .cannotWrite)
    }
  }
}

extension RGBImage {
  fileprivate func color(at point: SIMD2<Float>) -> SIMD3<Float> {
    let pixel = (min(height - 1, Int(point.y)) * width + min(width - 1, Int(point.x))) * 3
    return SIMD3(Float(pixels[pixel]), Float(pixels[pixel + 1]), Float(pixels[pixel + 2]))
  }
}

import Tensors
import Testing

@testable import Detection

@Suite struct MatchingTests {
  @Test("torchvision's matches equal its own Matcher, with ties, twins and an object that overlaps nothing")
  func torchvisionMatches() throws {
    for golden in try DetectionGoldens.load().matching {
      let anchors = Anchors(form: .torchvision, height: golden.height, width: golden.width)
      let matches = anchors.matches(to: golden.boxes.map { Box($0) })
      #expect(matches.positives.count == golden.positiveCount, "\(golden.name)")
      if let positives = golden.positives {
        #expect(matches.positives.map { [$0.anchor, $0.object] } == positives, "\(golden.name)")
      }
      if let sum = golden.objectSum { #expect(matches.positives.reduce(0) { $0 + $1.object } == sum) }
      #expect(matches.ignored == golden.ignored, "\(golden.name)")
    }
  }

  @Test("the fast path equals matching over the whole table of overlaps", arguments: ModelForm.allCases)
  func fastEqualsNaive(form: ModelForm) {
    var random = RandomSequence(Philox(seed: 11, stream: 0), 0, 0, 0)
    let anchors = Anchors(form: form, height: 192, width: 256)
    for round in 0..<12 {
      var boxes = (0..<(1 + round * 3)).map { _ in randomBox(&random, height: 192, width: 256) }
      if round % 3 == 1 { boxes.append(boxes[0]) }  // a twin
      if round % 3 == 2 { boxes.append(anchors[Int(random.uniform() * Float(anchors.count))]) }  // overlap 1
      let fast = anchors.matches(to: boxes)
      let naive = naiveMatches(anchors, boxes)
      #expect(fast.positives == naive.positives)
      #expect(fast.ignored == naive.ignored)
    }
  }

  @Test("an object far outside takes anchor 0 in the paper's form, as an argmax over zeros does")
  func paperObjectOutside() {
    let anchors = Anchors(form: .paper, height: 128, width: 128)
    let outside = Box(x1: 5000, y1: 5000, x2: 5010, y2: 5010)
    #expect(anchors.matches(to: [outside]).positives == [AnchorMatches.Match(anchor: 0, object: 0)])
  }

  @Test("of two twins in the paper's form the first keeps every anchor")
  func paperTwins() {
    let anchors = Anchors(form: .paper, height: 256, width: 256)
    let box = Box(x1: 41, y1: 50, x2: 44, y2: 52)  // overlaps nothing by half: one forced anchor
    let matches = anchors.matches(to: [box, box])
    #expect(matches.positives.count == 1)
    #expect(matches.positives.first?.object == 0)
    #expect(matches.ignored.isEmpty)
  }

  @Test("an image without objects is all background", arguments: ModelForm.allCases)
  func noObjects(form: ModelForm) {
    let targets = Anchors(form: form, height: 128, width: 64).targets(boxes: [], classIndices: [])
    #expect(targets.positiveCount == 0)
    #expect(targets.ignored.isEmpty)
  }

  @Test("targets decode back to the objects' boxes and carry their classes", arguments: ModelForm.allCases)
  func targetsDecode(form: ModelForm) {
    var random = RandomSequence(Philox(seed: 5, stream: 0), 0, 0, 0)
    let anchors = Anchors(form: form, height: 256, width: 256)
    let boxes = (0..<9).map { _ in randomBox(&random, height: 256, width: 256) }
    let targets = anchors.targets(boxes: boxes, classIndices: Array(10..<19))
    #expect(targets.positiveCount >= boxes.count / 2)
    for positive in targets.positives {
      let level = anchors.levels[positive.location.level]
      let index = level.firstAnchor + positive.location.pixel * Anchors.perLocation + positive.location.anchor
      let decoded = form.decode(positive.box, anchor: anchors[index])
      // Coordinates below 256 after a logarithm and an exponential: 1e-3 is a few units in the last place.
      #expect(decoded.distance(to: boxes[positive.classIndex - 10]) < 1e-3)
    }
  }
}

/// A box of 2 to 150 pixels a side inside the image.
func randomBox(_ random: inout RandomSequence, height: Float, width: Float) -> Box {
  let boxWidth = min(2 + random.uniform() * random.uniform() * 150, width)
  let boxHeight = min(2 + random.uniform() * random.uniform() * 150, height)
  let x = random.uniform() * (width - boxWidth)
  let y = random.uniform() * (height - boxHeight)
  return Box(x1: x, y1: y, x2: x + boxWidth, y2: y + boxHeight)
}

/// The rules of both forms written down over the full table of overlaps.
private func naiveMatches(_ anchors: Anchors, _ boxes: [Box]) -> AnchorMatches {
  let table = boxes.map { box in (0..<anchors.count).map { box.intersectionOverUnion(anchors[$0]) } }
  var forced: [Int: Int] = [:]
  func bestObject(_ anchor: Int) -> Int {
    var best = 0
    for object in boxes.indices where table[object][anchor] > table[best][anchor] { best = object }
    return best
  }
  for (object, row) in table.enumerated() {
    guard let best = row.max() else { continue }
    switch anchors.form {
    case .paper:
      if let anchor = row.firstIndex(of: best), forced[anchor] == nil { forced[anchor] = object }
    case .torchvision:
      for anchor in row.indices where row[anchor] == best { forced[anchor] = bestObject(anchor) }
    }
  }
  var matches = AnchorMatches()
  for anchor in 0..<anchors.count {
    let best = bestObject(anchor)
    let overlap = table[best][anchor]
    if let object = forced[anchor] ?? (overlap >= 0.5 ? best : nil) {
      matches.positives.append(AnchorMatches.Match(anchor: anchor, object: object))
    } else if anchors.form == .torchvision && overlap >= 0.4 {
      matches.ignored.append(anchor)
    }
  }
  return matches
}

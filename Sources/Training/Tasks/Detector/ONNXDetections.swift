import Detection
import ONNX
import Tensors

/// The post-processing of a detector in operators of ONNX, by the rules of `Anchors.detections`.
///
/// Candidates are pairs of anchor and class, best first, so that a candidate's place is its rank: suppression within each class
/// then leaves ranks, and the lowest of them are the detections. Boxes are cut at the edges of the input, whatever part of
/// it a picture fills.
struct ONNXDetections {
  private let onnx: ONNXGraph
  private let anchors: Anchors
  private let classes: Int
  private let settings: PostProcessing

  // What all images share.
  private let centres: String
  private let sizes: String
  private let corner: String
  private let zero: String
  private let classColumn: String

  /// Post-processing of the predictions for an input of a size.
  init(
    _ onnx: ONNXGraph, anchors: Anchors, classes: Int, size: Configuration.ImageSize, settings: PostProcessing
  ) {
    (self.onnx, self.anchors, self.classes, self.settings) = (onnx, anchors, classes, settings)
    let boxes = (0..<anchors.count).map { anchors[$0] }
    centres = onnx.constant(
      "anchor_centres", shape: [anchors.count, 2],
      boxes.flatMap { [$0.x1 + 0.5 * $0.width, $0.y1 + 0.5 * $0.height] })
    sizes = onnx.constant("anchor_sizes", shape: [anchors.count, 2], boxes.flatMap { [$0.width, $0.height] })
    let (width, height) = (Float(size.width), Float(size.height))
    corner = onnx.constant("image_corner", shape: [4], [width, height, width, height])
    zero = onnx.constant("zero", 0 as Float)
    classColumn = onnx.constant("class_column", shape: [1, classes, 1], Array(0..<classes))
  }

  /// Candidates of an image, best first: the logit of each, its anchor's index and its class.
  private struct Candidates {
    let logits: String
    let anchors: String
    let labels: String
  }

  /// Adds the detections of an image of the batch as outputs, whose names end in `suffix`.
  func addOutputs(of image: Int, _ levels: [AnchorRows], suffix: String) {
    let stage = "detections\(suffix)"
    let candidates = candidates(of: image, levels.map(\.logits), stage)
    let boxes = boxes(of: candidates, image, levels.map(\.codes), stage)
    let scores = onnx.add("Sigmoid", "\(stage)/scores", [candidates.logits])
    let kept = keptRanks(candidates, boxes, scores, stage)
    func output(_ name: String, _ element: ONNXElement, _ extents: [ONNXPort.Extent], _ all: String, _ meaning: String)
    {
      let value = onnx.add("Gather", name + suffix, [all, kept])
      onnx.addOutput(ONNXPort(value, [.named("detections\(suffix)")] + extents, of: element, meaning))
    }
    output("boxes", .float, [.fixed(4)], boxes, "Boxes (x1, y1, x2, y2) in pixels of the images, best first.")
    output("scores", .float, [], scores, "The score of each box, from 0 to 1.")
    output("labels", .int64, [], candidates.labels, "The class of each box, from 0.")
  }

  /// The rows of one image of a batch.
  private func rows(of image: Int, _ value: String, _ name: String) -> String {
    onnx.add("Gather", name, [value, onnx.constant("\(name)/image", image)])
  }

  /// The best of a list of `count` numbers, and where they stand in it.
  private func best(_ limit: Int, of count: Int, _ list: String, _ name: String) -> (values: String, places: String) {
    let number = onnx.constant("\(name)/number", [min(limit, count)])
    let found = onnx.add("TopK", ["\(name)/values", "\(name)/places"], [list, number])
    return (found[0], found[1])
  }

  private func candidates(of image: Int, _ levels: [String], _ stage: String) -> Candidates {
    let flat = onnx.constant("\(stage)/flat", [-1])
    func list(_ level: String, _ name: String) -> String {
      onnx.add("Reshape", "\(name)/list", [rows(of: image, level, "\(name)/rows"), flat])
    }
    let name = "\(stage)/candidates"
    let (logits, places): (String, String)
    switch anchors.form {
    case .paper:
      let lists = zip(Anchors.pyramidLevels, levels).map { list($1, "\(name).p\($0)") }
      let all = onnx.add("Concat", name, lists, [axis(0)])
      (logits, places) = best(settings.candidateLimit, of: anchors.count * classes, all, name)
    case .torchvision:
      var (parts, partPlaces, count): ([String], [String], Int) = ([], [], 0)
      for (number, (level, rows)) in zip(Anchors.pyramidLevels, zip(anchors.levels, levels)) {
        let (name, pairs) = ("\(name).p\(number)", level.area * Anchors.perLocation * classes)
        let (values, places) = best(settings.candidateLimit, of: pairs, list(rows, name), name)
        parts.append(values)
        let first = onnx.constant("\(name)/first", level.firstAnchor * classes)
        partPlaces.append(onnx.add("Add", "\(name)/pairs", [places, first]))
        count += min(settings.candidateLimit, pairs)
      }
      let all = onnx.add("Concat", name, parts, [axis(0)])
      let pairs = onnx.add("Concat", "\(name)/pairs", partPlaces, [axis(0)])
      let order: String
      (logits, order) = best(count, of: count, all, name)
      places = onnx.add("Gather", "\(name)/sorted_pairs", [pairs, order])
    }
    let divisor = onnx.constant("\(name)/classes", classes)
    return Candidates(
      logits: logits, anchors: onnx.add("Div", "\(name)/anchors", [places, divisor]),
      labels: onnx.add("Mod", "\(name)/labels", [places, divisor]))
  }

  /// The boxes that the codes of the candidates mean, (candidates, 4).
  private func boxes(of candidates: Candidates, _ image: Int, _ levels: [String], _ stage: String) -> String {
    let name = "\(stage)/codes"
    let all = onnx.add("Concat", "\(name)/all", levels, [axis(1)])
    var codes = onnx.add("Gather", name, [rows(of: image, all, "\(name)/rows"), candidates.anchors])
    if anchors.form == .paper {
      codes = onnx.add("Gather", "\(name)/xy", [codes, onnx.constant("\(name)/order", [1, 0, 3, 2])], [axis(1)])
    }
    let halves = onnx.add(
      "Split", ["\(name)/shifts", "\(name)/logarithms"], [codes, onnx.constant("\(name)/halves", [2, 2])], [axis(1)])
    var logarithms = halves[1]
    if anchors.form == .torchvision {
      let largest = onnx.constant("\(name)/largest", ModelForm.largestLogRatio)
      logarithms = onnx.add("Min", "\(name)/bounded", [logarithms, largest])
    }
    let corners = corners(of: candidates, shifts: halves[0], logarithms: logarithms, stage)
    if !settings.clipsToImage { return corners }
    return onnx.add("Min", "\(stage)/boxes", [onnx.add("Max", "\(stage)/inside", [corners, zero]), corner])
  }

  /// The corners (candidates, 4) of boxes whose centres are shifts from those of the anchors, in anchor sizes, and whose sizes
  /// are logarithms of ratios; each (candidates, 2) in the order x, y.
  private func corners(
    of candidates: Candidates, shifts: String, logarithms: String, _ stage: String
  ) -> String {
    let centres = onnx.add("Gather", "\(stage)/anchor_centres", [centres, candidates.anchors])
    let sizes = onnx.add("Gather", "\(stage)/anchor_sizes", [sizes, candidates.anchors])
    let centre = onnx.add(
      "Add", "\(stage)/centres", [onnx.add("Mul", "\(stage)/offsets", [shifts, sizes]), centres])
    let extents = onnx.add("Mul", "\(stage)/extents", [onnx.add("Exp", "\(stage)/ratios", [logarithms]), sizes])
    let half = onnx.add("Mul", "\(stage)/half", [extents, onnx.constant("\(stage)/one_half", 0.5 as Float)])
    return onnx.add(
      "Concat", "\(stage)/corners",
      [
        onnx.add("Sub", "\(stage)/upper_left", [centre, half]),
        onnx.add("Add", "\(stage)/lower_right", [centre, half]),
      ], [axis(1)])
  }

  /// The ranks of the candidates that suppression keeps, ascending.
  private func keptRanks(_ candidates: Candidates, _ boxes: String, _ scores: String, _ stage: String) -> String {
    let name = "\(stage)/suppression"
    let first = onnx.constant("\(name)/first_axis", [0])
    var compared = boxes
    if anchors.form.overlapPixel != 0 {
      let pixel = anchors.form.overlapPixel
      compared = onnx.add(
        "Add", "\(name)/widened", [boxes, onnx.constant("\(name)/pixel", shape: [4], [0, 0, pixel, pixel])])
    }
    // By logits, which are in order also where scores round to the same number; -inf takes part in nothing.
    let isOfClass = onnx.add("Equal", "\(name)/is_of_class", [candidates.labels, classColumn])
    let counts = onnx.add("And", "\(name)/counts", [isOfClass, isValid(boxes, scores, name)])
    let ranking = onnx.add(
      "Where", "\(name)/ranking", [counts, candidates.logits, onnx.constant("\(name)/never", -Float.infinity)])
    let selected = onnx.add(
      "NonMaxSuppression", "\(name)/selected",
      [
        onnx.add("Unsqueeze", "\(name)/boxes", [compared, first]), ranking,
        onnx.constant("\(name)/limit", [settings.detectionLimit]),
        onnx.constant("\(name)/overlap", shape: [1], [settings.overlapThreshold]),
        onnx.constant("\(name)/floor", shape: [1], [-Float.greatestFiniteMagnitude]),
      ])
    // Rows of (image, class, rank).
    let ranks = onnx.add(
      "Gather", "\(name)/ranks", [selected, onnx.constant("\(name)/rank_column", 2)], [axis(1)])
    let number = onnx.add(
      "Min", "\(name)/number",
      [onnx.add("Shape", "\(name)/count", [ranks]), onnx.constant("\(name)/most", [settings.detectionLimit])])
    return onnx.add(
      "TopK", ["\(name)/kept", "\(name)/kept_places"], [ranks, number], [ONNXAttribute("largest", .integer(0))])[0]
  }

  /// Whether a candidate's box is finite and its score above the threshold.
  private func isValid(_ boxes: String, _ scores: String, _ name: String) -> String {
    let difference = onnx.add("Sub", "\(name)/difference", [boxes, boxes])
    let isFinite = onnx.add("Equal", "\(name)/is_finite", [difference, zero])
    let type = ONNXAttribute("to", .integer(ONNXElement.float.rawValue))
    let ones = onnx.add("Cast", "\(name)/ones", [isFinite], [type])
    let least = onnx.add(
      "ReduceMin", "\(name)/least", [ones],
      [ONNXAttribute("axes", .integers([1])), ONNXAttribute("keepdims", .integer(0))])
    let areFinite = onnx.add("Greater", "\(name)/are_finite", [least, zero])
    guard let threshold = settings.scoreThreshold else { return areFinite }
    let passes = onnx.add("Greater", "\(name)/passes", [scores, onnx.constant("\(name)/threshold", threshold)])
    return onnx.add("And", "\(name)/is_valid", [areFinite, passes])
  }

  private func axis(_ number: Int) -> ONNXAttribute { ONNXAttribute("axis", .integer(number)) }
}

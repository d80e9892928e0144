import Datasets
import Detection
import Tensors

/// What a report shows of a detector's evaluation.
extension DetectionEvaluation {
  /// Images that are shown of the best and of the worst.
  private static let examplesOfAKind = 4

  /// An image with what became of its objects.
  private struct Judged {
    let position: Int
    let results: [COCOResult]
    let outcomes: DetectionOutcomes
  }

  func analysis(drawingTo directory: EvaluationDirectory) throws -> EvaluationAnalysis {
    var analysis = EvaluationAnalysis(classes: classFigures)
    let index = dataset.index
    analysis.precisionCurves = index.categories.compactMap { category in
      metrics.precisionAtRecalls[category.id].map { .init(name: category.shownName, precision: $0) }
    }
    let byImage = Dictionary(grouping: results, by: \.imageID)
    let judged = (0..<index.imageCount).map { position in
      let found = byImage[index.imageID(at: position)] ?? []
      return Judged(
        position: position, results: found,
        outcomes: DetectionOutcomes(objects: index.groundTruth(at: position), results: found))
    }
    if index.categories.count <= EvaluationAnalysis.confusedClasses { confuse(judged.map(\.outcomes), into: &analysis) }
    analysis.examples = try drawExamples(judged, to: directory)
    return analysis
  }

  private func confuse(_ outcomes: [DetectionOutcomes], into analysis: inout EvaluationAnalysis) {
    let categories = dataset.index.categories
    let numbers = Dictionary(uniqueKeysWithValues: categories.enumerated().map { ($1.id, $0) })
    let background = categories.count
    var counts = Array(repeating: Array(repeating: 0, count: background + 1), count: background + 1)
    for pair in outcomes.flatMap(\.pairs) {
      let truth = pair.truth.flatMap { numbers[$0] } ?? background
      counts[truth][pair.found.flatMap { numbers[$0] } ?? background] += 1
    }
    analysis.confusionNames = categories.map(\.shownName) + ["background"]
    analysis.confusion = counts
    analysis.confusionUnit =
      "objects; detections of at least \(NumberText.fixed(DetectionOutcomes.leastScore, 1)) that overlap by half or more"
  }

  /// Draws the images with the highest and the lowest balance of precision and recall, of equals those with more objects.
  private func drawExamples(
    _ judged: [Judged], to directory: EvaluationDirectory
  ) throws -> [EvaluationAnalysis.Example] {
    func first(_ sign: Double) -> ArraySlice<Judged> {
      func key(_ judged: Judged) -> (Double, Int, Int) {
        (sign * judged.outcomes.balancedScore, -judged.outcomes.pairs.count, judged.position)
      }
      return judged.sorted { key($0) < key($1) }.prefix(min(Self.examplesOfAKind, judged.count / 2))
    }
    let reader = ImageReader()
    return try [("best", -1.0), ("worst", 1.0)].flatMap { kind, sign in
      try first(sign).enumerated().flatMap { number, judged in try draw(judged, kind, number, reader, directory) }
    }
  }

  /// The ground truth and the detections of an image, as two pictures.
  private func draw(
    _ judged: Judged, _ kind: String, _ number: Int, _ reader: ImageReader, _ directory: EvaluationDirectory
  ) throws -> [EvaluationAnalysis.Example] {
    try reader.read(dataset, at: judged.position)
    let picture = reader.image.reduced(toSide: EvaluationDirectory.exampleSide)
    let scale = Float(picture.width) / Float(reader.image.width)
    let objects = dataset.objects(at: judged.position)
    let truth = zip(objects.boxes, objects.classes).map { box, number in
      LabeledBox(corners: box, label: dataset.classes.name(number), classNumber: number)
    }
    let found = labeledBoxes(judged.results, of: dataset, from: DetectionOutcomes.leastScore)
    let name = dataset.index.image(at: judged.position).fileName
    let outcomes = judged.outcomes
    let files = ["\(kind)-\(number + 1)-truth.jpg", "\(kind)-\(number + 1)-found.jpg"]
    for (file, boxes) in zip(files, [truth, found]) {
      let scaled = boxes.map { box in
        var box = box
        box.corners *= scale
        return box
      }
      try directory.writeExample(picture.drawing(scaled), as: file)
    }
    return [
      .init(file: files[0], caption: "\(kind) \(number + 1), \(name): \(outcomes.hits + outcomes.misses) objects"),
      .init(
        file: files[1],
        caption: "\(outcomes.hits) found, \(outcomes.misses) missed, \(outcomes.falseAlarms) false detections"),
    ]
  }
}

/// Results of at least a score as boxes to draw, with the names and numbers of a data set's classes.
func labeledBoxes(_ results: [COCOResult], of dataset: DetectionDataset, from score: Double) -> [LabeledBox] {
  let classes = dataset.classes
  let numbers = Dictionary(
    classes.entries.enumerated().compactMap { number, entry in entry?.id.map { ($0, number) } }
  ) { first, _ in first }
  return results.filter { $0.score >= score }.map { result in
    let box = SIMD4<Float>(result.box)
    let number = numbers[result.categoryID] ?? 0
    return LabeledBox(
      corners: SIMD4(box[0], box[1], box[0] + box[2], box[1] + box[3]), label: classes.name(number),
      score: Float(result.score), classNumber: number)
  }
}

import Datasets
import Tensors

/// What a report shows of a segmentation's evaluation.
extension SegmentationEvaluation {
  /// Images that are shown.
  private static let exampleCount = 4

  func analysis(drawingTo directory: EvaluationDirectory) throws -> EvaluationAnalysis {
    var analysis = EvaluationAnalysis(classes: classFigures)
    let count = confusion.classCount
    if count <= EvaluationAnalysis.confusedClasses {
      analysis.confusionNames = (0..<count).map { dataset.classes.name($0) }
      analysis.confusion = confusion.rows
      analysis.confusionUnit = "pixels that are not void"
    }
    let reader = SegmentationReader()
    analysis.examples = try firstMasks.prefix(Self.exampleCount).enumerated().flatMap { position, mask in
      let truth = try reader.read(dataset, at: position)
      let pictures = [("truth", truth), ("found", mask)]
      return try pictures.map { kind, mask in
        let file = "\(position + 1)-\(kind).jpg"
        let drawn = reader.image.drawing(mask, classes: dataset.classes)
        try directory.writeExample(drawn.reduced(toSide: EvaluationDirectory.exampleSide), as: file)
        let name =
          kind == "truth" ? "\(dataset.imagePath(at: position).split(separator: "/").last ?? ""): labels" : "found"
        return EvaluationAnalysis.Example(file: file, caption: name)
      }
    }
    return analysis
  }
}

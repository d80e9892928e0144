import Datasets
import Tensors

/// What a report shows of a classifier's evaluation.
extension ClassificationEvaluation {
  /// Images that are shown.
  private static let exampleCount = 12

  func analysis(drawingTo directory: EvaluationDirectory) throws -> EvaluationAnalysis {
    let names = dataset.classNames
    var analysis = EvaluationAnalysis(classes: classFigures)
    if names.count <= EvaluationAnalysis.confusedClasses {
      var counts = Array(repeating: Array(repeating: 0, count: names.count), count: names.count)
      // A network may have more outputs than the data have classes, and outputs that are no numbers name none.
      for result in results {
        if let likeliest = result.likeliest, likeliest < names.count { counts[result.label][likeliest] += 1 }
      }
      (analysis.confusionNames, analysis.confusion, analysis.confusionUnit) = (names, counts, "images")
    }
    // Those that the network was surest to be something else.
    let wrong = results.filter { $0.rank > 0 }.sorted { ($1.loss, $0.index) < ($0.loss, $1.index) }
    let reader = ClassificationReader()
    analysis.examples = try wrong.prefix(Self.exampleCount).enumerated().map { number, result in
      let file = "wrong-\(number + 1).jpg"
      let picture = try reader.pictureForEvaluation(dataset, at: result.index, transform)
      try directory.writeExample(picture.reduced(toSide: EvaluationDirectory.exampleSide), as: file)
      let taken = result.likeliest.map { $0 < names.count ? names[$0] : "class \($0)" } ?? "none"
      return .init(
        file: file,
        caption: "\(names[result.label]), taken for \(taken); loss \(NumberText.significant(result.loss)); "
          + dataset.imageName(at: result.index))
    }
    return analysis
  }
}

import Datasets
import Tensors

/// What a report shows of a classifier's evaluation.
extension ClassificationEvaluation {
  /// Classes of a confusion matrix, at most.
  private static let confusedClasses = 30
  /// Images that are shown.
  private static let exampleCount = 12

  func analysis(drawingTo directory: EvaluationDirectory) throws -> EvaluationAnalysis {
    let names = dataset.classNames
    var analysis = EvaluationAnalysis(classes: classFigures)
    if names.count <= Self.confusedClasses {
      var counts = Array(repeating: Array(repeating: 0, count: names.count), count: names.count)
      // A network may have more outputs than the data have classes.
      for result in results where result.likeliest < names.count { counts[result.label][result.likeliest] += 1 }
      (analysis.confusionNames, analysis.confusion, analysis.confusionUnit) = (names, counts, "images")
    }
    // Those that the network was surest to be something else.
    let wrong = results.filter { $0.rank > 0 }.sorted { ($1.loss, $0.index) < ($0.loss, $1.index) }
    let reader = ClassificationReader()
    analysis.examples = try wrong.prefix(Self.exampleCount).enumerated().map { number, result in
      let file = "wrong-\(number + 1).jpg"
      try directory.writeExample(try reader.pictureForEvaluation(dataset, at: result.index, transform), as: file)
      let taken = result.likeliest < names.count ? names[result.likeliest] : "class \(result.likeliest)"
      return .init(
        file: file,
        caption: "\(names[result.label]), taken for \(taken); loss \(NumberText.significant(result.loss)); "
          + dataset.imageName(at: result.index))
    }
    return analysis
  }
}

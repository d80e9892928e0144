import Datasets

extension ClassificationSource {
  /// The training samples that a classifier's configuration makes of its data set.
  init(_ dataset: ClassificationDataset, _ configuration: Configuration) {
    self.init(
      dataset: dataset, transform: configuration.classificationTransform,
      sampler: Sampler(imageCount: dataset.count, seed: configuration.random.seed),
      usesScaledDecoding: configuration.data.usesScaledDecoding)
  }
}

extension Classifier {
  func openSamples() throws -> (source: ClassificationSource, census: DataCensus) {
    let dataset = try ClassificationSplit(.train, of: configuration).dataset
    return (ClassificationSource(dataset, configuration), DataCensus(dataset, .train, DataSplit.train.depthAtStart))
  }

  /// The name of the class.
  func show(_ sample: ClassificationSample, from source: ClassificationSource, on picture: RGBImage) -> ShownSample {
    let dataset = source.dataset
    let name = dataset.classNames[sample.label]
    let stored = dataset.imagePath(at: sample.imageIndex).flatMap { try? ImageReader().open($0, dataset.orientation) }
    return ShownSample(
      imageName: dataset.imageName(at: sample.imageIndex),
      sizes: (stored.map { "\($0.width)x\($0.height) -> " } ?? "") + "\(picture.width)x\(picture.height)",
      contents: "class \(sample.label), \(name)", drawing: picture.drawing(className: name, number: sample.label))
  }
}

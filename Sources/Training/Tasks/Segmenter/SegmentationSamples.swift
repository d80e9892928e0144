import Datasets

extension SegmentationSource {
  /// The training samples that a segmentation's configuration makes of its data set.
  init(_ dataset: SegmentationDataset, _ configuration: Configuration) {
    self.init(
      dataset: dataset, transform: configuration.scaleJitter,
      sampler: Sampler(imageCount: dataset.count, seed: configuration.random.seed),
      usesScaledDecoding: configuration.data.usesScaledDecoding)
  }
}

extension Segmenter {
  func openSamples() throws -> (source: SegmentationSource, census: DataCensus) {
    let dataset = try SegmentationSplit(.train, of: configuration).dataset
    return (SegmentationSource(dataset, configuration), DataCensus(dataset, .train, DataSplit.train.depthAtStart))
  }

  /// The labels of the loss as squares of `SegmentationSource.labelStride` pixels.
  func show(_ sample: SegmentationSample, from source: SegmentationSource, on picture: RGBImage) -> ShownSample {
    let (dataset, classes) = (source.dataset, source.dataset.classes)
    let mask = ClassMask(
      labels: sample.labels, every: SegmentationSource.labelStride, width: picture.width, height: picture.height)
    let void = sample.labels.count { $0 == ClassMask.void }
    let counted = sample.labels.filter { $0 != ClassMask.void }.map(Int.init)
    return ShownSample(
      imageName: dataset.imagePath(at: sample.imageIndex), sizes: sample.placement.text,
      contents: "\(sample.labels.count) labels: \(classes.counts(of: counted))" + (void > 0 ? ", void \(void)" : ""),
      drawing: picture.drawing(mask, classes: classes))
  }
}

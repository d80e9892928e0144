import Datasets

extension SampleSource {
  /// The training samples that a detector's configuration makes of its data set.
  init(_ dataset: DetectionDataset, _ configuration: Configuration) {
    self.init(
      dataset: dataset, transform: configuration.scaleJitter,
      sampler: Sampler(imageCount: dataset.index.imageCount, seed: configuration.random.seed),
      usesScaledDecoding: configuration.data.usesScaledDecoding)
  }
}

extension Detector {
  func openSamples() throws -> (source: SampleSource, census: DataCensus) {
    let dataset = try DetectionSplit(.train, of: configuration).dataset
    return (SampleSource(dataset, configuration), DataCensus(dataset, .train, DataSplit.train.depthAtStart))
  }

  /// Boxes with their classes; objects that are not learned from are dashed.
  func show(_ sample: TrainingSample, from source: SampleSource, on picture: RGBImage) -> ShownSample {
    let (dataset, classes) = (source.dataset, source.dataset.classes)
    let objects = zip(sample.boxes, sample.classes).map { box, number in
      LabeledBox(corners: box, label: classes.name(number), classNumber: number)
    }
    let ignored = dataset.ignoredObjects(at: sample.imageIndex)
    let dashed = ignored.compactMap { object -> LabeledBox? in
      let corners = sample.placement.box(fromSource: object.corners)
      guard corners[0] < Float(picture.width), corners[1] < Float(picture.height), corners[2] > 0, corners[3] > 0
      else { return nil }
      return LabeledBox(
        corners: corners, label: classes.name(object.classNumber), classNumber: object.classNumber,
        ignoredBecause: object.reason)
    }
    let reasons = Dictionary(grouping: ignored.map(\.reason)) { $0 }.sorted { $0.key < $1.key }
    let usable = dataset.objects(at: sample.imageIndex).boxes.count
    let leftOut =
      reasons.map { "\($0.value.count) \($0.key)" }
      + (usable > objects.count ? ["\(usable - objects.count) beyond the edge or the limit"] : [])
    return ShownSample(
      imageName: dataset.imagePath(at: sample.imageIndex), sizes: sample.placement.text,
      contents: "\(objects.count) of \(usable + ignored.count) objects"
        + (objects.isEmpty ? "" : ": \(classes.counts(of: sample.classes))")
        + (leftOut.isEmpty ? "" : "; left out: \(leftOut.joined(separator: ", "))"),
      drawing: picture.drawing(objects + dashed))
  }
}

import Datasets
import Tensors

extension TrainingTask {
  /// The training samples at the first places of epoch 0 as the network gets them, drawn with what the losses want of them.
  ///
  /// They are what the first steps of `train` take together, on any number of ranks; of a smaller data set there are as many as
  /// it has images. Drawings have at most `side` pixels on their longer side; `report` hears of the faults that are met.
  func firstSamples(
    _ count: Int, of source: Input.Source, side: Int = .max, report: ([DataFault]) throws -> Void
  ) throws -> [ShownSample] {
    let reader = source.makeReader()
    let normalization = configuration.normalization
    return try (0..<min(count, source.sampler.imageCount)).map { position in
      let loaded = try source.firstEpochSample(at: position, reader: reader)
      try report(loaded.faults)
      let picture = RGBImage(
        normalized: loaded.planes, channels: source.channels, height: source.canvas.height, width: source.canvas.width,
        mean: normalization.mean, deviation: normalization.deviation)
      var sample = show(loaded.sample, from: source, on: picture)
      sample.drawing = sample.drawing.reduced(toSide: side)
      return sample
    }
  }
}

extension SampleMaker {
  /// The sample at a place of epoch 0 with its planes, as the loaders of `train` hand them to a step.
  ///
  /// Throws as `load`.
  func firstEpochSample(
    at position: Int, reader: Reader
  ) throws -> (sample: Sample, planes: [Float], faults: [DataFault]) {
    var planes = [Float](repeating: 0, count: channels * canvas.height * canvas.width)
    let (sample, faults) = try planes.withUnsafeMutableBufferPointer {
      try load(epoch: 0, position: position, reader: reader, into: $0)
    }
    return (sample, planes, faults)
  }
}

extension ShownSample {
  /// The file of the image without its folder.
  fileprivate var shortName: String { imageName.split(separator: "/").last.map(String.init) ?? imageName }
}

extension PictureSheet {
  /// A sheet of at least one sample, about as many rows as columns.
  init(of samples: [ShownSample]) {
    let columns = Int(Double(samples.count).squareRoot().rounded(.up))
    let cells = samples.enumerated().map { Cell($1.drawing, label: "\($0 + 1): \($1.shortName)") }
    let rows = stride(from: 0, to: cells.count, by: columns).map { first in
      Row("", Array(cells[first..<min(first + columns, cells.count)]))
    }
    self.init(columns: Array(repeating: "", count: columns), rows: rows)
  }
}

import Datasets
import Tensors

/// `inspect --data`: training samples as the network gets them, drawn with what the losses want of them.
public struct InspectDataRequest: Sendable {
  /// Samples that fit on a sheet.
  public static let mostSamples = 100

  /// The configuration of the run.
  public var configuration: Configuration
  /// How many samples, from 1 to `mostSamples`.
  public var count: Int
  /// The directory that gets the files.
  public var output: String

  /// A request.
  public init(configuration: Configuration, count: Int, output: String) {
    (self.configuration, self.count, self.output) = (configuration, count, output)
  }

  /// Draws the samples in this process, writes them and returns; throws what the user can mend.
  ///
  /// They are those at the first places of epoch 0: what the first steps of `train` take together, on any number of ranks. Of a
  /// smaller data set there are as many as it has images.
  /// - `sample-1.png` and so on: the network's picture with boxes, labels of pixels, or the class;
  /// - `samples.png`: all of them on one sheet;
  /// - `samples.txt`: what the data hold, and of each sample the image, the sizes and what is in it.
  public func run(_ console: Console) throws {
    try configuration.requireRunnable()
    try draw(configuration.task, console)
  }

  private func draw<Task: TrainingTask>(_ task: Task, _ console: Console) throws {
    let (source, census) = try task.openSamples()
    try census.requireUsable(maximumFaults: configuration.data.maxFaults)
    console.data([census])
    let samples = try samples(of: task, source, console)
    try requireOtherFolder(than: samples.map(\.imageName))
    try RunDirectory.createDirectory(output)
    var lines: [String] = []
    for (index, sample) in samples.enumerated() {
      let file = "\(output)/sample-\(Self.padded(index + 1, like: samples.count)).png"
      try sample.drawing.write(to: file)
      lines.append(shown("\(file): \(sample.text)"))
      console.say(lines[index])
    }
    try PictureSheet(of: samples).drawn().write(to: "\(output)/samples.png")
    let text = ([census.text] + lines).joined(separator: "\n")
    try writeFile(Array("\(text)\n".utf8), to: "\(output)/samples.txt")
    if let remark = Typeface.ofThisProcess.remark(pictures: samples.count + 1) { console.warn(remark) }
    console.say(
      shown(
        "\(samples.count) of \(source.sampler.imageCount) training samples -> \(output)/samples.png, \(output)/samples.txt"
      ))
  }

  /// The first samples of epoch 0; throws 65 where the data have more faults than the configuration allows.
  private func samples<Task: TrainingTask>(
    of task: Task, _ source: Task.Input.Source, _ console: Console
  ) throws -> [ShownSample] {
    let reader = source.makeReader()
    let normalization = configuration.normalization
    var faults = FaultLog(maximum: configuration.data.maxFaults, imageCount: source.sampler.imageCount)
    return try (0..<min(count, source.sampler.imageCount)).map { position in
      let loaded = try source.firstEpochSample(at: position, reader: reader)
      for fault in try faults.record(loaded.faults) { console.warn("\(fault)") }
      let picture = RGBImage(
        normalized: loaded.planes, channels: source.channels, height: source.canvas.height, width: source.canvas.width,
        mean: normalization.mean, deviation: normalization.deviation)
      return task.show(loaded.sample, from: source, on: picture)
    }
  }

  /// Throws 64 where the files could take the place of images.
  private func requireOtherFolder(than images: [String]) throws {
    for image in images {
      let folder = image.lastIndex(of: "/").map { String(image[..<$0]) } ?? "."
      if FilePath(output).leadsToSame(as: FilePath(text: folder)) {
        throw InputError(.usage, "--output \(output): is the folder of \(image); give another directory")
      }
    }
  }

  /// A number with zeros in front, so that files sort by their numbers.
  private static func padded(_ number: Int, like last: Int) -> String {
    String(repeating: "0", count: String(last).count - String(number).count) + String(number)
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
  /// The sample in one line.
  fileprivate var text: String { "\(imageName): \(sizes); \(contents)" }

  /// The file of the image without its folder.
  fileprivate var shortName: String { imageName.split(separator: "/").last.map(String.init) ?? imageName }
}

extension PictureSheet {
  /// A sheet of at least one sample, about as many rows as columns.
  fileprivate init(of samples: [ShownSample]) {
    let columns = Int(Double(samples.count).squareRoot().rounded(.up))
    let cells = samples.enumerated().map { Cell($1.drawing, label: "\($0 + 1): \($1.shortName)") }
    let rows = stride(from: 0, to: cells.count, by: columns).map { first in
      Row("", Array(cells[first..<min(first + columns, cells.count)]))
    }
    self.init(columns: Array(repeating: "", count: columns), rows: rows)
  }
}

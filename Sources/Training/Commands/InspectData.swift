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
  /// - `sample-01.png` and so on, with as many digits as the last one needs: the network's picture with boxes, labels of
  ///   pixels, or the class;
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

  /// The samples; throws 65 where the data have more faults than the configuration allows.
  private func samples<Task: TrainingTask>(
    of task: Task, _ source: Task.Input.Source, _ console: Console
  ) throws -> [ShownSample] {
    var faults = FaultLog(maximum: configuration.data.maxFaults, imageCount: source.sampler.imageCount)
    return try task.firstSamples(count, of: source) { for fault in try faults.record($0) { console.warn("\(fault)") } }
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

extension ShownSample {
  /// The sample in one line.
  fileprivate var text: String { "\(imageName): \(sizes); \(contents)" }
}

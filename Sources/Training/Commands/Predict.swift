import Datasets
import Tensors

/// `predict`: what a model finds in single images, in files and drawn.
public struct PredictRequest: Sendable {
  /// A run directory, a checkpoint set or a `.safetensors` file.
  public var checkpoint: String
  /// Where the configuration comes from.
  public var configuration: CheckpointConfiguration
  /// The directory that gets the results and the pictures.
  public var output: String
  /// The images, JPEG or PNG files.
  public var images: [FilePath]
  /// Detections below this score, of detectors, are written but not drawn; nil is 0.3.
  public var drawnScore: Float?

  /// A request.
  public init(
    checkpoint: String, configuration: CheckpointConfiguration, output: String, images: [FilePath],
    drawnScore: Float? = nil
  ) {
    (self.checkpoint, self.configuration, self.output) = (checkpoint, configuration, output)
    (self.images, self.drawnScore) = (images, drawnScore)
  }

  /// Predicts in this process and returns; throws what the user can mend.
  ///
  /// The id of an image is its place among the arguments, from 1; `images.json` says which is which, as a COCO file without
  /// annotations, beside which other programs read results.
  public func run(_ console: Console) throws {
    let pictures = try picturePaths()
    let trained = try TrainedModel(
      checkpoint: checkpoint, configuration: configuration.resolve, warn: { console.warn($0) })
    var prediction = try trained.configuration.task.openPrediction(trained, drawnScore: drawnScore)
    if let warning = trained.warningOfClasses(checkpoint) { console.warn(warning) }
    try RunDirectory.createDirectory(output)
    let reader = ImageReader()
    var list = PictureList(categories: prediction.categories)
    for (index, path) in images.enumerated() {
      try reader.read(path, trained.configuration.data.orientation)
      if let warning = reader.orientation.warning(of: path, trained.configuration.data.orientation) {
        console.warn(warning)
      }
      list.add(path, reader.image)
      let found = try prediction.predict(reader.image, id: index + 1, drawing: pictures[index])
      console.say("\(shown(path.description)): \(found) -> \(shown(pictures[index]))")
    }
    let ends = try prediction.finish(in: output)
    try writeJSON(list, to: "\(output)/images.json")
    for line in ends { console.say(line) }
    if let remark = Typeface.ofThisProcess.remark(pictures: images.count) { console.warn(remark) }
  }

  /// Where the drawings go: by the images' names.
  ///
  /// Throws 64 when a drawing, or the mask beside it, would take the place of an image.
  private func picturePaths() throws -> [String] {
    let paths = images.pictureNames.map { "\(output)/\($0).png" }
    for path in paths.flatMap({ [$0, SegmentationPrediction.maskPath(beside: $0)] })
    where images.contains(where: { FilePath(path).leadsToSame(as: $0) }) {
      throw InputError(
        .usage, "--output \(output): \(path) would take the place of an image; give another directory")
    }
    return paths
  }

}

/// The pictures of a prediction in COCO's form.
private struct PictureList: Encodable {
  struct Image: Encodable {
    let id: Int
    let file_name: String
    let width: Int
    let height: Int
  }
  struct Category: Encodable {
    let id: Int
    let name: String
  }

  private(set) var images: [Image] = []
  let annotations: [Int] = []
  let categories: [Category]

  init(categories: [COCOCategory]) {
    self.categories = categories.map { Category(id: $0.id, name: $0.shownName) }
  }

  mutating func add(_ path: FilePath, _ image: RGBImage) {
    images.append(Image(id: images.count + 1, file_name: "\(path)", width: image.width, height: image.height))
  }
}

import Datasets
import Foundation
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
  /// The id of an image is its place among the arguments, from 1; `images.json` says which is which.
  public func run(_ console: Console) throws {
    let pictures = try picturePaths()
    let trained = try TrainedModel(
      checkpoint: checkpoint, configuration: configuration.resolve, warn: { console.warn($0) })
    var prediction = try trained.configuration.task.openPrediction(trained, drawnScore: drawnScore)
    if let warning = trained.warningOfClasses(checkpoint) { console.warn(warning) }
    try RunDirectory.createDirectory(output)
    let reader = ImageReader()
    for (index, path) in images.enumerated() {
      try reader.read(path, trained.configuration.data.orientation)
      if reader.orientation != .upright && trained.configuration.data.orientation == .auto {
        console.warn(
          "\(shown(path.description)): states EXIF orientation \(reader.orientation.rawValue) and is taken as stored; say "
            + "--set data.orientation=apply, which turns it as viewers do, or ignore")
      }
      let found = try prediction.predict(reader.image, id: index + 1, drawing: pictures[index])
      console.say("\(shown(path.description)): \(found) -> \(shown(pictures[index]))")
    }
    let ends = try prediction.finish(in: output)
    try writeJSON(
      images.enumerated().map { ImageName(id: $0.offset + 1, file_name: "\($0.element)") }, to: "\(output)/images.json")
    for line in ends { console.say(line) }
  }

  /// Where the drawings go: by the images' names, with their ids before them where two images have one name.
  ///
  /// Throws 64 when a drawing would take the place of an image.
  private func picturePaths() throws -> [String] {
    let names = images.map { URL(fileURLWithPath: "\($0)").deletingPathExtension().lastPathComponent }
    let areUnique = Set(names).count == names.count
    let paths = names.enumerated().map { "\(output)/\(areUnique ? "" : "\($0.offset + 1)-")\($0.element).png" }
    func file(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
    let originals = Set(images.map { file("\($0)") })
    if let taken = paths.first(where: { originals.contains(file($0)) }) {
      throw InputError(
        .usage, "--output \(output): the drawing \(taken) would take the place of an image; give another directory")
    }
    return paths
  }

  private struct ImageName: Encodable {
    let id: Int
    let file_name: String
  }
}

import Checkpoints
import Datasets
import Models
import Tensors

/// `cam`: class activation maps of classifiers for single pictures (the DropBlock paper's Figure 6).
public struct CamRequest: Sendable {
  /// The classifiers, a row of the sheet each.
  public var checkpoints: [NamedCheckpoint]
  /// Where the configurations come from.
  public var configuration: CheckpointConfiguration
  /// The name or number of the class; nil is the likeliest one of each picture.
  public var className: String?
  /// The directory that gets the files.
  public var output: String
  /// The pictures, JPEG or PNG files, a column of the sheet each.
  public var images: [FilePath]

  /// A request.
  public init(
    checkpoints: [NamedCheckpoint], configuration: CheckpointConfiguration, className: String? = nil, output: String,
    images: [FilePath]
  ) {
    (self.checkpoints, self.configuration, self.className) = (checkpoints, configuration, className)
    (self.output, self.images) = (output, images)
  }

  /// The maps of one checkpoint.
  private struct Row {
    let checkpoint: NamedCheckpoint
    let classes: ClassList
    /// The pictures as the network saw them.
    let views: [RGBImage]
    let activations: [ClassActivation]
  }

  /// Makes the maps in this process, writes them and returns; throws what the user can mend.
  ///
  /// - `cam.png`: the pictures, as the first network saw them, above a row for each checkpoint with the maps over them;
  /// - `cam.safetensors`: for each checkpoint and picture the map (h, w) as the network has it, named CHECKPOINT/PICTURE;
  /// - `cam.json`: what each of these tensors is of, with the class, its logit and its probability.
  public func run(_ console: Console) throws {
    try NamedCheckpoint.requireDifferentNames(checkpoints)
    let files = ["cam.png", "cam.safetensors", "cam.json"].map { "\(output)/\($0)" }
    try requireNoInput(among: files)
    let names = images.pictureNames
    let rows = try checkpoints.map { try row(of: $0, console) }
    let sheet = try sheet(of: rows, names)
    try RunDirectory.createDirectory(output)
    try writeSafetensors(
      rows.flatMap { row in
        zip(names, row.activations).map { name, activation in
          TensorToWrite(
            "\(row.checkpoint.name)/\(name)", shape: [activation.map.height, activation.map.width],
            activation.map.values)
        }
      }, to: files[1])
    try writeJSON(rows.flatMap { records(of: $0, names) }, to: files[2])
    try sheet.drawn().write(to: files[0])
    if let remark = Typeface.ofThisProcess.remark(pictures: 1) { console.warn(remark) }
    console.say("\(rows.count * names.count) maps -> \(files.map { shown($0) }.joined(separator: ", "))")
  }

  /// The maps of a checkpoint for all pictures.
  private func row(of checkpoint: NamedCheckpoint, _ console: Console) throws -> Row {
    let trained = try TrainedModel(
      checkpoint: checkpoint.path, configuration: configuration.resolve, warn: { console.warn($0) })
    let (classifier, network) = try trained.pooledClassifier(for: "cam", path: checkpoint.path)
    let classNumber = try classNumber(trained, checkpoint)
    let mapper = ClassActivationMapper(classifier, network, engine: trained.engine, store: trained.store)
    if mapper.mapSize == (1, 1) {
      console.warn(
        "\(shown(checkpoint.path)): the last map of this network is 1x1 for its input of "
          + "\(trained.configuration.input.size.yaml): its class activation maps are the same everywhere")
    }
    if trained.classes == nil {
      console.warn("\(shown(checkpoint.path)): does not name its classes, which are told by their numbers")
    }
    let classes = trained.classes?.list ?? ClassList([])
    let views = try views(for: classifier, console, remarks: checkpoint == checkpoints[0])
    let activations = try zip(images, views).map { path, view in
      let activation = mapper.activation(of: classNumber) {
        classifier.pictureTransform.normalize(view, channels: classifier.imageChannels, into: $0)
      }
      guard activation.isFinite else {
        throw InputError(
          .badData, "\(checkpoint.path): what the network makes of \(path) is not finite; take another checkpoint")
      }
      let name = classes.name(activation.classNumber)
      console.say(shown("\(checkpoint.name): \(path): \(name) \(NumberText.fixed(activation.probability, 4))"))
      return activation
    }
    return Row(checkpoint: checkpoint, classes: classes, views: views, activations: activations)
  }

  /// The pictures as a network sees them; `remarks` tells whether to warn of turned ones.
  private func views(for classifier: Classifier, _ console: Console, remarks: Bool) throws -> [RGBImage] {
    let reader = ClassificationReader()
    let rule = classifier.configuration.data.orientation
    return try images.map { path in
      let view = try reader.pictureForEvaluation(
        path, rule, classifier.pictureTransform, channels: classifier.imageChannels)
      if remarks, let warning = reader.orientation.warning(of: path, rule) { console.warn(warning) }
      return view
    }
  }

  /// The number that the wanted class has in a checkpoint; throws exit code 65 with the classes that there are.
  private func classNumber(_ trained: TrainedModel, _ checkpoint: NamedCheckpoint) throws -> Int? {
    guard let className else { return nil }
    let count = trained.configuration.model.classes
    let names = trained.classes?.list.prefix(count).entries
    if let number = names?.firstIndex(where: { $0?.name == className }) { return number }
    if let number = Int(className), (0..<count).contains(number) { return number }
    throw InputError(
      .badData,
      lines: ["--class \(className): expected a class of \(checkpoint.path), or a number from 0 to \(count - 1)"]
        + (trained.classes.map { ["  \($0.place): \(ExpectedClasses.text($0.list.names))"] } ?? []))
  }

  private func sheet(of rows: [Row], _ names: [String]) throws -> PictureSheet {
    let maps = rows.map { row in
      PictureSheet.Row(
        row.checkpoint.name,
        zip(row.views, row.activations).map { view, activation in
          PictureSheet.Cell(
            view.overlaid(with: activation.map), label: row.classes.name(activation.classNumber),
            score: Float(activation.probability))
        })
    }
    let pictures = PictureSheet.Row("picture", rows[0].views.map { PictureSheet.Cell($0) })
    let sheet = PictureSheet(columns: names, rows: [pictures] + maps)
    if sheet.size.width * sheet.size.height > PictureSheet.mostPixels {
      throw InputError(
        .usage,
        "\(output)/cam.png: a sheet of \(sheet.size.width)x\(sheet.size.height) would have more than "
          + "\(PictureSheet.mostPixels) pixels; give fewer pictures or checkpoints at once")
    }
    return sheet
  }

  private struct Record: Encodable {
    let checkpoint: String
    let checkpoint_path: String
    let picture: String
    let tensor: String
    let `class`: String
    let class_number: Int
    let logit: Float
    let probability: Double
  }

  private func records(of row: Row, _ names: [String]) -> [Record] {
    row.activations.enumerated().map { index, activation in
      Record(
        checkpoint: row.checkpoint.name, checkpoint_path: row.checkpoint.path, picture: "\(images[index])",
        tensor: "\(row.checkpoint.name)/\(names[index])", class: row.classes.name(activation.classNumber),
        class_number: activation.classNumber, logit: activation.logit, probability: activation.probability)
    }
  }

  /// Throws exit code 64 where a file would take the place of something that is read.
  private func requireNoInput(among files: [String]) throws {
    let inputs = images + (checkpoints.map(\.path) + (configuration.file.map { [$0] } ?? [])).map { FilePath($0) }
    for file in files {
      guard let input = inputs.first(where: { FilePath(file).leadsToSame(as: $0) }) else { continue }
      throw InputError(
        .usage, "--output \(output): \(file) would take the place of \(input), which is read; give another directory")
    }
  }
}

extension TrainedModel {
  /// The classifier that these weights belong to, with its network; throws 78 where they are another task's, or the network's
  /// classes have no activation maps.
  fileprivate func pooledClassifier(for command: String, path: String) throws -> (Classifier, any PooledClassifier) {
    let name = configuration.model.name.rawValue
    guard let classifier = configuration.task as? Classifier else {
      throw InputError(
        .badConfiguration, "\(command): \(path): expected a checkpoint of a classifier, got one of model.name \(name)")
    }
    guard let network = classifier.network as? any PooledClassifier else {
      throw InputError(
        .badConfiguration,
        "\(command): \(path): model.name \(name) has no class activation maps, for its fully connected layer has weights "
          + "of its own for each pixel of the last map; expected a network that takes the mean of that map, as "
          + "\(Configuration.ModelName.resNet.rawValue)")
    }
    return (classifier, network)
  }
}

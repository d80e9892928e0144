import Checkpoints
import Datasets
import Tensors

extension ClassList {
  /// The name under which a checkpoint's state, and the metadata of a file of weights, hold the classes as JSON.
  static let key = "classes"
}

extension ExpectedClasses {
  /// What to say of a checkpoint that does not name its classes.
  static func unnamed(in place: String) -> String {
    "\(place): does not name its classes, as checkpoints of earlier versions and weights of other programs: they are matched "
      + "by position, in the order of the training data or, where these are not found, of the validation data"
  }
}

extension CheckpointReference {
  /// The classes of the weights, nil where the file does not name them.
  ///
  /// Throws 65 for a set that names them wrongly. The metadata of a file of weights may be another program's, whose words
  /// mean nothing here.
  func classes() throws -> ExpectedClasses? {
    switch self {
    case .set(let set):
      guard let text = set.state.extra[ClassList.key] else { return nil }
      guard let list = ClassList(json: text) else {
        throw InputError(
          .badData,
          "\(set.directory)/state.json: \(ClassList.key): expected a list of classes with names of their own, got \(text); "
            + "take another checkpoint")
      }
      return ExpectedClasses(list, at: "the checkpoint \(set.directory)")
    case .weights(let file):
      return file.metadata[ClassList.key].flatMap(ClassList.init(json:)).map {
        ExpectedClasses($0, at: "the weights \(file.path)")
      }
    }
  }
}

extension Configuration {
  /// What to say of initial weights of other classes than the run's, where the tensors that tell classes apart fit.
  ///
  /// That they fit is legitimate, for another data set may have as many classes, but easily missed.
  func remark(onHeadFrom others: ClassList, for classes: ClassList, _ match: NameMatch) -> String? {
    if others.hasSameNames(as: classes) { return nil }
    let head = headTensors.intersection(match.loaded.map(\.model)).sorted()
    if head.isEmpty { return nil }
    return "\(head.joined(separator: ", ")): loaded, but for other classes: the file has "
      + "\(ExpectedClasses.text(others.names)), this run \(ExpectedClasses.text(classes.names)); the head starts from what it "
      + "has learned of the others"
  }

  /// The names of the parameters whose shape follows the number of classes.
  private var headTensors: Set<String> {
    var wider = self
    wider.model.classes += 1
    func shapes(_ configuration: Configuration) -> [String: [Int]] {
      Dictionary(
        configuration.task.bareGraph.parameters.map { ($0.name, $0.extents) }
      ) { first, _ in first }
    }
    let (own, others) = (shapes(self), shapes(wider))
    return Set(own.keys.filter { own[$0] != others[$0] })
  }
}

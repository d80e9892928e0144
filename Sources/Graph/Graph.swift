import Regularization
import Tensors

/// A symbolic tensor of a graph: what an operation will have computed once the plan runs.
public struct Value: Hashable, Sendable {
  let id: Int
  /// (N, C, H, W).
  public let shape: Shape
}

/// A model as symbolic operations, in the order in which they run forward.
///
/// Models describe only the forward pass. Every operation knows its own gradient operation, and the planner walks the
/// nodes backwards to differentiate. Shapes are fixed; a graph of another shape shares the parameters by name.
public final class Graph {
  /// Named tensors that live longer than a step, in the order in which the model first mentions them.
  public private(set) var parameters: [Parameter] = []
  /// Every place of the model where a regulariser could act, in forward order.
  public private(set) var maskPlaces: [MaskPlace] = []
  /// The places where the regulariser acts, in forward order; the index is the layer number of the random stream.
  public private(set) var maskSites: [MaskSite] = []
  /// The groups and blocks of the model in which a regulariser could act.
  public var maskExtent: MaskExtent { MaskExtent(maskPlaces) }
  /// The layers with Dropout of their own, in forward order.
  private(set) var dropouts: [(site: MaskSite, keepProbability: Double)] = []
  /// Values that the caller reads after a forward run.
  public private(set) var outputs: [Value] = []

  private(set) var nodes: [any Operation] = []
  /// For each value the places in `nodes` of those that read it, in order, one for each time that it is read.
  private var readers: [[Int]] = []
  /// For each value the place in `nodes` of the one that makes it; nil until that is appended.
  private var producers: [Int?] = []
  private var parameterIndices: [String: Int] = [:]
  /// The places that become sites.
  private let selection: MaskSelection

  /// An empty graph, whose regulariser will act on these places.
  public init(masking selection: MaskSelection = .none) { self.selection = selection }

  /// Declares a named tensor, or finds the one that already has this name (weights shared between levels).
  public func parameter(_ parameter: Parameter) -> ParameterID {
    if let index = parameterIndices[parameter.name] {
      require(
        parameters[index].shape == parameter.shape,
        "\(parameter.name) is \(parameters[index].shape) here and \(parameter.shape) elsewhere")
      return ParameterID(index: index)
    }
    parameterIndices[parameter.name] = parameters.count
    parameters.append(parameter)
    return ParameterID(index: parameters.count - 1)
  }

  /// Keeps a value readable after each forward run.
  public func markOutput(_ value: Value) { outputs.append(value) }

  func newValue(_ shape: Shape) -> Value {
    readers.append([])
    producers.append(nil)
    return Value(id: readers.count - 1, shape: shape)
  }

  /// The site of a place, or none where the regulariser does not act.
  func newMaskSite(_ name: String, _ place: MaskPlace?, _ shape: Shape) -> MaskSite? {
    guard let place else { return nil }
    maskPlaces.append(place)
    if !selection.contains(place) { return nil }
    let site = MaskSite(index: maskSites.count, name: name, place: place, shape: shape)
    maskSites.append(site)
    return site
  }

  /// The site of a layer with Dropout of its own, whose number no site of the regulariser has.
  func newDropout(_ name: String, keepProbability: Double, _ shape: Shape) -> MaskSite {
    let site = MaskSite(
      index: MaskStream.layerLimit - 1 - dropouts.count, name: name, place: MaskPlace(.head, .convolution, depth: 1),
      shape: shape)
    dropouts.append((site, keepProbability))
    return site
  }

  func append(_ operation: any Operation) {
    for value in operation.inputs { readers[value.id].append(nodes.count) }
    for value in operation.outputs { producers[value.id] = nodes.count }
    nodes.append(operation)
  }

  /// The places in `nodes` of the operations that read a value, in order, one for each time that it is read.
  func readers(of value: Value) -> [Int] { readers[value.id] }

  /// The place in `nodes` of the operation that makes a value.
  func producer(of value: Value) -> Int {
    guard let producer = producers[value.id] else { fatalError("nothing makes value \(value.id)") }
    return producer
  }
}

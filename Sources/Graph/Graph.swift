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
  /// Places where DropBlock acts, in forward order; the index is the layer number of the random stream.
  public private(set) var dropBlockSites: [DropBlockSite] = []
  /// Values that the caller reads after a forward run.
  public private(set) var outputs: [Value] = []

  private(set) var nodes: [any Operation] = []
  private(set) var valueCount = 0
  private var parameterIndices: [String: Int] = [:]

  /// An empty graph.
  public init() {}

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
    valueCount += 1
    return Value(id: valueCount - 1, shape: shape)
  }

  /// A site of a group, or none without a group.
  func newDropBlockSite(_ name: String, group: Int?, _ shape: Shape) -> DropBlockSite? {
    guard let group else { return nil }
    let site = DropBlockSite(index: dropBlockSites.count, name: name, group: group, shape: shape)
    dropBlockSites.append(site)
    return site
  }

  func append(_ operation: any Operation) { nodes.append(operation) }
}

/// A place in a model where DropBlock acts on an activation (N, C, H, W).
public struct DropBlockSite: Sendable {
  /// The layer number of its random stream.
  public let index: Int
  /// The module it follows, for example "backbone.body.layer3.0.bn1".
  public let name: String
  /// The ResNet group that sets its rate: 3 for conv4_x, 4 for conv5_x.
  public let group: Int
  /// The shape of the activation that it masks.
  public let shape: Shape
}

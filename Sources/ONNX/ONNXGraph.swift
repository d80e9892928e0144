import Tensors

/// A computation in the operators of ONNX, built front to back: nodes run in the order in which they are added.
///
/// Values are known by their names. Whoever adds something proposes a name and gets the one it has: where two things ask
/// for the same one, the second gets a number behind it.
public final class ONNXGraph {
  /// Operators so far.
  public var operatorCount: Int { nodes.count }

  private(set) var nodes: [ONNXNode] = []
  private(set) var tensors: [ONNXTensor] = []
  private(set) var inputs: [ONNXPort] = []
  private(set) var outputs: [ONNXPort] = []
  private var names: Set<String> = []

  /// An empty graph.
  public init() {}

  /// Adds an operator with one result; returns the result's name.
  public func add(
    _ type: String, _ name: String, _ inputs: [String], _ attributes: [ONNXAttribute] = []
  ) -> String {
    add(type, [name], inputs, attributes)[0]
  }

  /// Adds an operator with several results; returns their names.
  public func add(
    _ type: String, _ names: [String], _ inputs: [String], _ attributes: [ONNXAttribute] = []
  ) -> [String] {
    let outputs = names.map(unique)
    nodes.append(ONNXNode(type: type, inputs: inputs, outputs: outputs, attributes: attributes))
    return outputs
  }

  /// Adds a constant of `Float` whose elements `make` gives, in row-major order, when they are written; returns its name.
  public func constant(_ name: String, shape: [Int], make: @escaping () -> [Float]) -> String {
    add(.floats(make), name, shape)
  }

  /// Adds a constant of `Float`; returns its name.
  public func constant(_ name: String, shape: [Int], _ elements: [Float]) -> String {
    add(.floats { elements }, name, shape)
  }

  /// Adds a list of whole numbers; returns its name.
  public func constant(_ name: String, _ elements: [Int]) -> String {
    constant(name, shape: [elements.count], elements)
  }

  /// Adds a constant of whole numbers in row-major order; returns its name.
  public func constant(_ name: String, shape: [Int], _ elements: [Int]) -> String {
    add(.integers(elements.map(Int64.init)), name, shape)
  }

  /// Adds a scalar; returns its name.
  public func constant(_ name: String, _ number: Float) -> String { constant(name, shape: [], [number]) }

  /// Adds a scalar; returns its name.
  public func constant(_ name: String, _ number: Int) -> String { constant(name, shape: [], [number]) }

  /// Adds an input of the graph; returns its name.
  ///
  /// Traps where something else has that name.
  public func addInput(_ port: ONNXPort) -> String {
    require(names.insert(port.name).inserted, "two values named \(port.name)")
    inputs.append(port)
    return port.name
  }

  /// Declares a value with the port's name an output of the graph.
  public func addOutput(_ port: ONNXPort) { outputs.append(port) }

  private func add(_ content: ONNXTensor.Content, _ name: String, _ shape: [Int]) -> String {
    tensors.append(ONNXTensor(name: unique(name), shape: shape, content: content))
    return tensors[tensors.count - 1].name
  }

  private func unique(_ name: String) -> String {
    var (candidate, number) = (name, 1)
    while !names.insert(candidate).inserted {
      candidate = "\(name)_\(number)"
      number += 1
    }
    return candidate
  }
}

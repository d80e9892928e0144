import Graph
import Tensors

/// A planned model in numbers, as `inspect` prints and writes it.
public struct ModelDescription: Encodable, Sendable {
  /// A named tensor of the model.
  public struct Tensor: Encodable, Sendable {
    /// The name in checkpoints.
    public let name: String
    /// The canonical extents: [O, I, H, W] or [C].
    public let shape: [Int]
    /// trained, frozen or running statistic.
    public let role: String
  }

  /// One operation of a pass.
  public struct Step: Encodable, Sendable {
    /// The layer.
    public let name: String
    /// prepare, forward or backward.
    public let pass: String
    /// The kind of operation.
    public let kind: String
    /// The chosen algorithm; empty where there is no choice.
    public let algorithm: String
    /// Floating-point operations, 0 where the count says nothing.
    public let floating_point_operations: Double
    /// Whether it runs a library's reference implementation, a hundred times slower than others.
    public let is_reference: Bool
  }

  /// The network and its form.
  public let model: String
  /// Images that the plan is for.
  public let images: Int
  /// Height and width of an image in pixels.
  public let image_size: [Int]
  /// Numbers in trained and frozen tensors.
  public let parameters: Int
  /// Numbers in trained tensors.
  public let trained_parameters: Int
  /// Bytes of each kind of memory of a rank.
  public let memory_bytes: [String: Int]
  /// Floating-point operations of a step by pass.
  public let floating_point_operations: [String: Double]
  /// Every tensor, in the order in which the model mentions them.
  public let tensors: [Tensor]
  /// Every operation, in the order in which they run.
  public let operations: [Step]

  /// Describes a plan.
  init(_ configuration: Configuration, plan: Plan, images: Int) {
    let store = plan.parameters
    model = Self.title(configuration)
    self.images = images
    image_size = [configuration.input.size.height, configuration.input.size.width]
    parameters = store.parameterCount
    trained_parameters = store.parameters.reduce(0) { sum, parameter in
      if case .trained = parameter.role { sum + parameter.shape.count } else { sum }
    }
    memory_bytes = [
      "parameters": 4 * (store.valueArena.count + store.frozenArena.count), "gradients": 4 * store.gradientCount,
      "momentum": 4 * store.optimizerArenas.reduce(0) { $0 + $1.count }, "activations": plan.arenaBytes,
    ]
    tensors = store.parameters.map { parameter in
      let role =
        switch parameter.role {
        case .trained(decay: true): "trained"
        case .trained(decay: false): "trained without decay"
        case .frozen: "frozen"
        case .runningStatistic: "running statistic"
        }
      return Tensor(name: parameter.name, shape: parameter.extents, role: role)
    }
    operations = plan.operations.map {
      Step(
        name: $0.name, pass: $0.pass, kind: $0.kind, algorithm: $0.algorithm,
        floating_point_operations: $0.floatingPointOperations, is_reference: $0.isReference)
    }
    floating_point_operations = operations.reduce(into: [:]) { $0[$1.pass, default: 0] += $1.floating_point_operations }
  }

  /// The network and its form in a line.
  static func title(_ configuration: Configuration) -> String {
    let model = configuration.model
    return "\(model.name.rawValue), \(configuration.task.networkTitle), \(model.classes) classes"
  }

  /// The description as text: tensors, operations, then the sums.
  var text: String {
    let name = (tensors.map(\.name.count) + operations.map(\.name.count)).max() ?? 0
    var lines = ["\(NumberText.left("tensor", name))  shape"]
    lines += tensors.map { tensor in
      let shape = tensor.shape.map(\.description).joined(separator: " x ")
      return "\(NumberText.left(tensor.name, name))  \(NumberText.left(shape, 22)) \(tensor.role)"
    }
    lines += ["", "\(NumberText.left("operation", name))  pass      GFLOP  kind"]
    lines += operations.map { operation in
      let cost = operation.floating_point_operations
      return "\(NumberText.left(operation.name, name))  \(NumberText.left(operation.pass, 8)) "
        + "\(NumberText.right(cost > 0 ? NumberText.fixed(cost / 1e9, 2) : "", 6))  \(operation.kind)"
        + (operation.algorithm.isEmpty ? "" : ", \(operation.algorithm)")
        + (operation.is_reference ? " (SLOW: a reference implementation)" : "")
    }
    func mebibytes(_ kind: String) -> String { "\((memory_bytes[kind] ?? 0) >> 20) MiB of \(kind)" }
    func work(_ pass: String) -> String { NumberText.fixed((floating_point_operations[pass] ?? 0) / 1e9, 1) }
    lines += [
      "", "model       \(model)", "parameters  \(parameters), of which \(trained_parameters) are trained",
      "step        \(images) images of \(image_size[0]) x \(image_size[1]): \(work("forward")) GFLOP forward, "
        + "\(work("backward")) GFLOP backward",
      "memory      " + ["parameters", "gradients", "momentum", "activations"].map(mebibytes).joined(separator: ", "),
    ]
    return lines.joined(separator: "\n")
  }
}

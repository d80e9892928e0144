/// A named setting of a node.
public struct ONNXAttribute: Sendable {
  /// What a setting is.
  public enum Content: Sendable {
    /// A whole number.
    case integer(Int)
    /// A list of whole numbers.
    case integers([Int])
    /// A number.
    case float(Float)
    /// A word.
    case text(String)
  }

  let name: String
  let content: Content

  /// A setting by the name that ONNX's operator has for it.
  public init(_ name: String, _ content: Content) { (self.name, self.content) = (name, content) }
}

/// One operator of an ONNX graph with the names of the values that it reads and makes.
struct ONNXNode {
  /// The operator's name in the standard, such as `Conv`.
  let type: String
  /// Names of values; an empty one stands for an optional input that is left out.
  let inputs: [String]
  let outputs: [String]
  let attributes: [ONNXAttribute]
}

/// An input or an output of an ONNX graph.
public struct ONNXPort: Sendable {
  /// Positions along an axis.
  public enum Extent: Sendable {
    /// As many, always.
    case fixed(Int)
    /// As many as a run finds; the word says of what.
    case named(String)
  }

  /// The value's name.
  public let name: String
  /// What its elements are.
  public let element: ONNXElement
  /// Positions along each axis, outermost first.
  public let shape: [Extent]
  /// What it holds, for people.
  public let meaning: String

  /// A port of its parts.
  public init(_ name: String, _ shape: [Extent], of element: ONNXElement = .float, _ meaning: String) {
    (self.name, self.element, self.shape, self.meaning) = (name, element, shape, meaning)
  }

  /// A port with fixed extents.
  public init(_ name: String, _ shape: [Int], of element: ONNXElement = .float, _ meaning: String) {
    self.init(name, shape.map(Extent.fixed), of: element, meaning)
  }
}

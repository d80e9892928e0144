/// A tensor by name and shape, without its content.
public struct NamedShape: Equatable, Sendable {
  /// The name.
  public let name: String
  /// Extents, outermost first.
  public let shape: [Int]

  /// A tensor by name and shape.
  public init(_ name: String, _ shape: [Int]) { (self.name, self.shape) = (name, shape) }
}

/// How the names of a foreign file become the names of a model.
///
/// The model's names are torchvision's current ones. Three other spellings are understood, each only where the name as
/// it stands is not one of the model's: the ones of torchvision's published RetinaNet files, whose pyramid and head
/// convolutions had no block around them; a classification network, which is the body of a detector's backbone; and a
/// data-parallel wrapper's `module.` in front. Pure functions of names and shapes.
public enum NameMap {
  /// The current name of a name of torchvision's old RetinaNet layout; any other name stays as it is.
  ///
  /// In the current layout the pyramid's and the heads' convolutions are blocks, with the convolution at index 0:
  /// `backbone.fpn.inner_blocks.1.weight` became `backbone.fpn.inner_blocks.1.0.weight`, and of the heads'
  /// `conv.{0,2,4,6}`, with activations between them, `conv.6.bias` became `conv.3.0.bias`.
  public static func currentName(of name: String) -> String {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let leaf = parts.popLast(), ["weight", "bias"].contains(leaf), let text = parts.popLast(),
      let index = Int(text), index >= 0
    else { return name }
    let block = parts.joined(separator: ".")
    switch block {
    case "backbone.fpn.inner_blocks", "backbone.fpn.layer_blocks": return "\(block).\(index).0.\(leaf)"
    case "head.classification_head.conv", "head.regression_head.conv":
      return index.isMultiple(of: 2) ? "\(block).\(index / 2).0.\(leaf)" : name
    default: return name
    }
  }

  /// True for the step counters of batch normalisation, which nothing here uses.
  ///
  /// Files with frozen batch normalisation have none and files with the ordinary one have them; both load.
  public static func isCounter(_ name: String) -> Bool {
    name == "num_batches_tracked" || name.hasSuffix(".num_batches_tracked")
  }

  /// Pairs the tensors of a file with those of a model by name and shape; a matrix (O, I) fits a weight (O, I, 1, 1).
  ///
  /// The order of the report is the model's for what is loaded, missing or of another shape, and the file's for what is
  /// skipped. Of two names in the file that mean the same tensor the model's own spelling wins, then the first.
  public static func match(file: [NamedShape], model: [NamedShape]) -> NameMatch {
    let modelNames = Set(model.lazy.map(\.name))
    let isBackbone = file.contains { stripped($0.name) == "conv1.weight" }
    var sourceOfName: [String: NamedShape] = [:]
    var unused: [String] = []
    // The model's own spellings first, so that an alias in front of one does not take its place.
    for aliases in [false, true] {
      for tensor in file where !isCounter(tensor.name) && modelNames.contains(tensor.name) != aliases {
        let name = aliases ? alias(of: tensor.name, isBackbone: isBackbone, in: modelNames) : tensor.name
        if let name, sourceOfName[name] == nil {
          sourceOfName[name] = tensor
        } else {
          unused.append(tensor.name)
        }
      }
    }
    let used = Set(unused)
    var match = NameMatch(skipped: file.map(\.name).filter(used.contains))
    for tensor in model where !isCounter(tensor.name) {
      guard let source = sourceOfName[tensor.name] else {
        match.missing.append(tensor.name)
        continue
      }
      // A fully connected layer is a 1x1 convolution here and a matrix elsewhere.
      if source.shape == tensor.shape || source.shape + [1, 1] == tensor.shape {
        match.loaded.append(.init(model: tensor.name, file: source.name))
      } else {
        match.mismatched.append(.init(name: tensor.name, file: source.name, expected: tensor.shape, got: source.shape))
      }
    }
    return match
  }

  /// The model's name for a name that is not the model's as it stands, nil when there is none.
  private static func alias(of name: String, isBackbone: Bool, in modelNames: Set<String>) -> String? {
    let plain = stripped(name)
    let candidates = [plain, currentName(of: plain)] + (isBackbone ? ["backbone.body.\(plain)", "body.\(plain)"] : [])
    return candidates.first(where: modelNames.contains)
  }

  private static func stripped(_ name: String) -> String {
    name.hasPrefix("module.") ? String(name.dropFirst("module.".count)) : name
  }
}

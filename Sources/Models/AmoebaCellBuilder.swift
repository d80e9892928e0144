import Graph
import Regularization
import Tensors

/// Describes one cell in a graph: its name, its channels and where regularisers may act in it.
///
/// They may behind every batch-norm, and on the skip connections, which are the steps that do nothing.
struct AmoebaCellBuilder {
  let graph: Graph
  let name: String
  let cell: AmoebaCell
  /// Channels of a state.
  let channels: Int
  let batchNorm: BatchNorm
  /// The group of the cell, and its number among all cells, from 1.
  let place: (group: Int, depth: Int)

  /// What a side of a pair comes to: a value, or the result of a convolution whose batch-norm can take the sum along.
  private enum Branch {
    case value(Value)
    case skip(Value)
    case convolution(Value, norm: String)
  }

  /// Describes the cell.
  ///
  /// - Parameters:
  ///   - current: what enters, (N, C, H, W).
  ///   - previous: what entered the cell before, of the same size or of twice that; nil in the first one, whose state 1 is what
  ///     enters as it is.
  /// - Returns: (N, channels x results, H, W), with half the height and width, rounded up, in a reduction.
  func callAsFunction(current: Value, previous: Value?) -> Value {
    var states = [pointwise("\(name).input", current)]
    states.append(previous.map { adapted("\(name).previous", $0, to: states[0].shape) } ?? current)
    for (index, pair) in cell.pairs.enumerated() {
      let name = "\(name).pair\(index + 2)"
      let sides = [(pair.left, "left"), (pair.right, "right")].map { side, word in
        branch("\(name).\(word)", side, of: states)
      }
      states.append(sum(name, sides[0], sides[1]))
    }
    return graph.concatenation("\(name).concatenation", cell.results.map { states[$0] })
  }

  /// The state before with the size and channels of this cell: as it is, by a 1x1 convolution, or by two that take every
  /// second pixel.
  private func adapted(_ name: String, _ previous: Value, to shape: Shape) -> Value {
    if previous.shape.h == shape.h && previous.shape.w == shape.w {
      return previous.shape.c == channels ? previous : pointwise(name, previous)
    }
    let x = graph.relu("\(name).relu", previous)
    let paths = [0, 1].map { first in
      convolution(
        "\(name).path\(first + 1)", graph.subsampled("\(name).subsampling\(first + 1)", x, from: first),
        channels: channels / 2)
    }
    return norm("\(name).bn", graph.concatenation("\(name).concatenation", paths))
  }

  /// One side of a pair.
  private func branch(_ name: String, _ side: AmoebaCell.Side, of states: [Value]) -> Branch {
    let state = states[side.state]
    let stride = side.state < 2 ? cell.stride : 1
    func rectified() -> Value { graph.relu("\(self.name).state\(side.state).relu", state) }
    func window(_ size: Int) -> Window { .same(size, stride: stride, on: state.shape) }
    switch side.step {
    case .none: return .skip(state)
    case .pointwise: return .convolution(convolution("\(name).conv", rectified()), norm: "\(name).bn")
    case .bottleneck: return bottleneck(name, rectified(), stride: stride)
    case .separable(let size): return separable(name, rectified(), size: size, stride: stride)
    case .maxPool(let size): return .value(graph.maxPool(name, state, window(size)))
    case .averagePool(let size): return .value(graph.averagePool(name, state, window(size)))
    }
  }

  private func bottleneck(_ name: String, _ x: Value, stride: Int) -> Branch {
    let narrow = channels / 4
    var y = convolution("\(name).convs.0", x, channels: narrow)
    y = norm("\(name).bns.0", y, activation: .relu)
    y = convolution("\(name).convs.1", y, channels: narrow, .same(3, stride: stride, on: y.shape))
    y = norm("\(name).bns.1", y, activation: .relu)
    return .convolution(convolution("\(name).convs.2", y), norm: "\(name).bns.2")
  }

  private func separable(_ name: String, _ x: Value, size: Int, stride: Int) -> Branch {
    func round(_ number: Int, _ x: Value, stride: Int) -> Value {
      let y = graph.convolution(
        "\(name).depthwise.\(number)", x, channels: x.shape.c, .same(size, stride: stride, on: x.shape),
        groups: x.shape.c, initializer: .truncatedFanOut(groups: x.shape.c))
      return convolution("\(name).pointwise.\(number)", y)
    }
    let y = norm("\(name).bns.0", round(0, x, stride: stride), activation: .relu)
    return .convolution(round(1, y, stride: 1), norm: "\(name).bns.1")
  }

  /// The sum of two sides; a batch-norm takes it along where there is one.
  private func sum(_ name: String, _ left: Branch, _ right: Branch) -> Value {
    let skip = MaskPlace(group: place.group, .shortcut, depth: place.depth)
    let end = MaskPlace(group: place.group, .branchEnd, depth: place.depth)
    /// The side as a value of its own.
    func value(_ branch: Branch) -> Value {
      switch branch {
      case .value(let value): value
      case .skip(let value): graph.masked("\(name).skip", value, skip)
      case .convolution(let result, let norm):
        graph.batchNorm(norm, result, batchNorm, activation: .none, mask: end)
      }
    }
    switch (left, right) {
    case (let other, .convolution(let result, let norm)), (.convolution(let result, let norm), let other):
      if case .skip(let shortcut) = other {
        return graph.batchNormJoin(
          norm, result, batchNorm, shortcut: shortcut, activation: .none, mask: end,
          shortcutMask: ("\(name).skip", skip))
      }
      return graph.batchNormJoin(norm, result, batchNorm, shortcut: value(other), activation: .none, mask: end)
    case (let left, let right): return graph.sum(name, [value(left), value(right)])
    }
  }

  /// ReLU, 1x1 convolution and batch-norm.
  private func pointwise(_ name: String, _ x: Value) -> Value {
    norm("\(name).bn", convolution("\(name).conv", graph.relu("\(name).relu", x)))
  }

  private func norm(_ name: String, _ x: Value, activation: Activation = .none) -> Value {
    graph.batchNorm(
      name, x, batchNorm, activation: activation,
      mask: MaskPlace(group: place.group, .convolution, depth: place.depth))
  }

  private func convolution(
    _ name: String, _ x: Value, channels: Int? = nil, _ window: Window = .square(1)
  ) -> Value {
    graph.convolution(
      name, x, channels: channels ?? self.channels, window, initializer: .truncatedFanOut(groups: 1))
  }
}

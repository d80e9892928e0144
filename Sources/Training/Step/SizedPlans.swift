import Graph
import Regularization
import Tensors

/// Plans for single images of any size with the weights of a parameter store.
///
/// Each size has a plan of its own, made without timing, and another one where masks act; the last few are kept.
final class SizedPlans<Outputs> {
  /// A plan with what its graph gives.
  typealias Sized = (plan: Plan, outputs: Outputs)

  /// Plans of different sizes that are kept.
  private let limit = 4
  private let make: (_ key: Key) -> Sized
  private var plans: [(key: Key, sized: Sized)] = []

  private struct Key: Equatable {
    let height: Int
    let width: Int
    let masking: MaskSelection
  }

  /// Plans of the graphs that `graph` describes for a size and the places of masks; the weights may go on to change between
  /// calls of `weightsChanged`.
  init(
    engine: Engine, store: ParameterStore, precision: Precision,
    graph: @escaping (_ height: Int, _ width: Int, _ masking: MaskSelection) -> (graph: Graph, outputs: Outputs)
  ) {
    make = { key in
      let (graph, outputs) = graph(key.height, key.width, key.masking)
      return (
        Plan(graph, engine: engine, mode: .inference, precision: precision, policy: .estimated, sharing: store), outputs
      )
    }
  }

  /// Says that the weights have changed since the last image.
  func weightsChanged() {
    for entry in plans { entry.sized.plan.parametersChanged() }
  }

  /// The plan of a size with masks at these places.
  func plan(height: Int, width: Int, masking: MaskSelection) -> Sized {
    let key = Key(height: height, width: width, masking: masking)
    if let index = plans.firstIndex(where: { $0.key == key }) {
      plans.append(plans.remove(at: index))
    } else {
      if plans.count == limit { plans.removeFirst() }
      plans.append((key, make(key)))
    }
    return plans[plans.count - 1].sized
  }
}

import Graph
import Tensors

/// Plans for single images of any size with the weights of a parameter store.
///
/// Each size has a plan of its own, made without timing; the last few are kept.
final class SizedPlans<Outputs> {
  /// A plan with what its graph gives.
  typealias Sized = (plan: Plan, outputs: Outputs)

  /// Plans of different sizes that are kept.
  private let limit = 4
  private let make: (_ height: Int, _ width: Int) -> Sized
  private var plans: [(height: Int, width: Int, sized: Sized)] = []

  /// Plans of the graphs that `graph` describes for a size; the weights may go on to change between calls of `weightsChanged`.
  init(
    engine: Engine, store: ParameterStore, precision: Precision,
    graph: @escaping (_ height: Int, _ width: Int) -> (graph: Graph, outputs: Outputs)
  ) {
    make = { height, width in
      let (graph, outputs) = graph(height, width)
      return (
        Plan(graph, engine: engine, mode: .inference, precision: precision, policy: .estimated, sharing: store), outputs
      )
    }
  }

  /// Says that the weights have changed since the last image.
  func weightsChanged() {
    for entry in plans { entry.sized.plan.parametersChanged() }
  }

  /// The plan of a size.
  func plan(height: Int, width: Int) -> Sized {
    if let index = plans.firstIndex(where: { $0.height == height && $0.width == width }) {
      plans.append(plans.remove(at: index))
    } else {
      if plans.count == limit { plans.removeFirst() }
      plans.append((height, width, make(height, width)))
    }
    return plans[plans.count - 1].sized
  }
}

import Tensors

/// A loss, forward and backward in one pass.
///
/// Its gradient takes the place of what it compares: nothing else of the step reads that, unless it is an output of the graph.
protocol LossOperation: Operation, PlannedOperation {
  /// What the targets are compared with.
  var predictions: Value { get }
}

extension LossOperation {
  var inputs: [Value] { [predictions] }
  var outputs: [Value] { [] }

  func addONNX(to translation: ONNXTranslation) throws(InputError) {
    throw translation.missingForm(of: self, "a loss of training")
  }

  /// Adds the step that finds the loss; `run` gets the predictions, where their gradient goes, and the targets of the batch.
  ///
  /// Where there is `find`, inference plans find the loss with it alone, without a gradient.
  func addLoss<Targets: BatchTargets>(
    to planner: Planner, kind: String, find: ((_ x: Elements, _ targets: Targets) -> Void)? = nil,
    run: @escaping (_ x: Elements, _ gradient: Elements, _ targets: Targets) -> Void
  ) {
    if planner.mode == .inference, let find {
      let x = planner.buffer(of: predictions)
      planner.add(
        Step(name, kind: kind, .forward, reads: [x], writes: []) { context in
          find(x.elements, context.targets(of: name))
        })
      return
    }
    let (x, gradient) = (planner.buffer(of: predictions), planner.lossGradient(of: predictions))
    planner.add(
      Step(name, kind: kind, .forward, reads: [x], writes: [gradient]) { context in
        run(x.elements, gradient.elements, context.targets(of: name))
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    planner.addGradient(planner.lossGradient(of: predictions), to: predictions)
  }
}

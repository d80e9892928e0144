import Regularization
import Tensors

/// A mask in a pass of its own, where no batch-norm stands in front that it could ride on: y = x * bits * factor.
///
/// The mask and its factor are constants of the step, so the gradient is multiplied with the same.
struct MaskingOperation: MapOperation {
  let name: String
  let input: Value
  let outputValue: Value
  let site: MaskSite

  /// At inference it does nothing.
  func addONNX(to translation: ONNXTranslation) { translation.define(outputValue, as: translation.name(of: input)) }

  func plan(_ planner: Planner) -> any PlannedOperation {
    PlannedMasking(operation: self, mask: planner.mask(site))
  }
}

private struct PlannedMasking: PlannedOperation {
  let operation: MaskingOperation
  /// Nil where nothing is ever dropped.
  let mask: MaskSlot?

  func addForward(to planner: Planner) {
    let (input, output) = (operation.input, operation.outputValue)
    if planner.producerForgets(input) { planner.computeInPlace(input, output) }
    let (x, y) = (planner.buffer(of: input), planner.buffer(of: output))
    let count = x.count
    planner.add(
      Step(operation.name, kind: "mask", .forward, reads: [x], writes: [y]) { [mask] _ in
        if x === y && mask.mask.isNone { return }
        ElementwiseKernel.mask(x.elements, y.elements, mask.mask, count: count)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(
      outputGradients[0], limit: 2, name: operation.name, shape: operation.outputValue.shape)
    let result = planner.overwritable(
      addends, label: "\(operation.name) input gradient", operation.input.shape)
    let count = result.count
    planner.add(
      Step(operation.name, kind: "mask", .backward, reads: addends, writes: [result]) { [mask] _ in
        if addends.count == 1 && addends[0] === result && mask.mask.isNone { return }
        ElementwiseKernel.gradient(IncomingGradient(addends, mask: mask.mask), result.elements, count: count)
      })
    planner.addGradient(result, to: operation.input)
  }
}

extension Graph {
  /// A value (N, C, H, W) with a mask of its own, for places that follow no batch-norm.
  ///
  /// Where the regulariser does not act on the place, it is the value itself and costs nothing.
  /// - Parameter name: what the site is called; no parameter has it.
  public func masked(_ name: String, _ value: Value, _ place: MaskPlace) -> Value {
    guard let site = newMaskSite(name, place, value.shape) else { return value }
    let output = newValue(value.shape)
    append(MaskingOperation(name: name, input: value, outputValue: output, site: site))
    return output
  }
  /// Dropout that belongs to the model and not to the regulariser of a run: training keeps each element of (N, C, H, W) with this
  /// probability, in every step, and multiplies it with the inverse.
  public func dropout(_ name: String, _ value: Value, keepProbability: Double) -> Value {
    require(keepProbability > 0 && keepProbability <= 1, "\(name): keep probability \(keepProbability)")
    if keepProbability == 1 { return value }
    let site = newDropout(name, keepProbability: keepProbability, value.shape)
    let output = newValue(value.shape)
    append(MaskingOperation(name: name, input: value, outputValue: output, site: site))
    return output
  }
}

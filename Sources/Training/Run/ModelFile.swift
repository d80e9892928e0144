import Checkpoints
import Graph
import Tensors

/// The parameters of a model as tensors of a safetensors file, in canonical layout under torchvision's names.
enum ModelFile {
  /// Copies of every parameter and running statistic, in the order of the model, as a `state_dict` of PyTorch has them.
  ///
  /// - Parameter batchNormSteps: the step counter that PyTorch's ordinary batch-norm keeps and asks for when it loads
  ///   strictly; nil for frozen batch-norm, which has none.
  static func model(_ store: ParameterStore, batchNormSteps: Int?) -> [TensorToWrite] {
    let tensors = copies(of: store.parameters, .value, in: store)
    guard let batchNormSteps else { return tensors }
    let ending = "running_var"
    return tensors
      + store.names.filter { $0.hasSuffix(ending) }.map {
        TensorToWrite("\($0.dropLast(ending.count))num_batches_tracked", shape: [], integers: [Int64(batchNormSteps)])
      }
  }

  /// Copies of the momentum of every trained parameter, in the order of the model.
  static func optimizer(_ store: ParameterStore) -> [TensorToWrite] {
    copies(of: trained(store), .momentum, in: store)
  }

  /// Tensors in one block of memory of their own, so that the store may change while they are written.
  private static func copies(
    of parameters: [Parameter], _ part: ParameterStore.Part, in store: ParameterStore
  ) -> [TensorToWrite] {
    let memory = AlignedMemory(byteCount: 4 * parameters.reduce(0) { $0 + $1.shape.count })
    var place = 0
    return parameters.map { parameter in
      defer { place += parameter.shape.count }
      store.read(parameter.name, part, into: memory.pointer(to: Float.self, at: 4 * place))
      return TensorToWrite(parameter.name, shape: parameter.extents, in: memory, firstFloat: place)
    }
  }

  /// Sets every parameter, and the momentum where it is given, from a checkpoint's files.
  static func load(_ model: SafetensorsFile, optimizer: SafetensorsFile?, into store: ParameterStore) throws {
    try loadMatching(model, into: store).requireComplete(from: model.path)
    guard let optimizer else { return }
    for parameter in trained(store) {
      guard optimizer.entry(named: parameter.name)?.shape == parameter.extents else {
        throw InputError(
          .badData,
          "\(optimizer.path): \(parameter.name): expected a momentum of shape \(parameter.extents), got "
            + "\(optimizer.entry(named: parameter.name).map { "\($0.shape)" } ?? "nothing"); "
            + "the checkpoint belongs to another model")
      }
      store.write(parameter.name, .momentum, try optimizer.floats(named: parameter.name))
    }
  }

  /// Sets what a file has for the model, by name, and reports the rest.
  ///
  /// Throws 65, naming the tensor, for numbers that are not finite: no run goes on from them.
  static func loadMatching(_ file: SafetensorsFile, into store: ParameterStore) throws -> NameMatch {
    let match = file.match(store.parameters.map { NamedShape($0.name, $0.extents) })
    for pair in match.loaded {
      let values = try file.floats(named: pair.file)
      guard isFinite(values.span) else {
        throw InputError(
          .badData,
          "\(file.path): \(pair.file): expected finite numbers, got infinity or NaN; take a checkpoint from before the "
            + "run diverged")
      }
      store.write(pair.model, .value, values)
    }
    return match
  }

  private static func trained(_ store: ParameterStore) -> [Parameter] {
    store.parameters.filter { if case .trained = $0.role { true } else { false } }
  }
}

/// Whether no number is infinite or NaN.
func isFinite(_ values: Span<Float>) -> Bool {
  // Zero times a number is zero unless that number is not finite; without a branch the loop needs no second look.
  var test: Float = 0
  for index in values.indices { test += values[index] * 0 }
  return test == 0
}

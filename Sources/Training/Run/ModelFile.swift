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

  /// Copies of what the optimizer keeps, in the order of the model: the momentum of every trained parameter under its own
  /// name, and where they are kept the running squares and the averages under names of their own.
  static func optimizer(_ store: ParameterStore) -> [TensorToWrite] {
    optimizerParts(store).flatMap { part in
      copies(of: part.parameters, part.part, in: store, prefix: part.prefix)
    }
  }

  /// What the optimizer keeps of which parameters, and what stands in front of their names.
  private static func optimizerParts(
    _ store: ParameterStore
  ) -> [(part: ParameterStore.Part, prefix: String, parameters: [Parameter])] {
    let trained = store.parameters.filter { if case .trained = $0.role { true } else { false } }
    var parts = [(ParameterStore.Part.momentum, "", trained)]
    if store.squareArena != nil { parts.append((.square, "square.", trained)) }
    if store.averageArena != nil {
      parts.append((.average, averagePrefix, store.parameters.filter { $0.role != .frozen }))
    }
    return parts
  }

  /// Tensors in one block of memory of their own, so that the store may change while they are written.
  private static func copies(
    of parameters: [Parameter], _ part: ParameterStore.Part, in store: ParameterStore, prefix: String = ""
  ) -> [TensorToWrite] {
    let memory = AlignedMemory(byteCount: 4 * parameters.reduce(0) { $0 + $1.shape.count })
    var place = 0
    return parameters.map { parameter in
      defer { place += parameter.shape.count }
      store.read(parameter.name, part, into: memory.pointer(to: Float.self, at: 4 * place))
      return TensorToWrite(prefix + parameter.name, shape: parameter.extents, in: memory, firstFloat: place)
    }
  }

  /// Sets every parameter, and what the optimizer keeps where its file is given, from a checkpoint's files.
  static func load(_ model: SafetensorsFile, optimizer: SafetensorsFile?, into store: ParameterStore) throws {
    try loadMatching(model, into: store).requireComplete(from: model.path)
    guard let optimizer else { return }
    for (part, prefix, parameters) in optimizerParts(store) {
      for parameter in parameters {
        let name = prefix + parameter.name
        guard optimizer.entry(named: name)?.shape == parameter.extents else {
          throw InputError(
            .badData,
            "\(optimizer.path): \(name): expected shape \(parameter.extents), got "
              + "\(optimizer.entry(named: name).map { "\($0.shape)" } ?? "nothing"); "
              + "the checkpoint belongs to another model or optimizer: take the settings that it was trained with")
        }
        store.write(parameter.name, part, try optimizer.floats(named: name))
      }
    }
  }

  /// Sets every parameter that a file of the optimizer's state has an average of to that average.
  ///
  /// Throws 65, naming the tensor, for one of another shape.
  static func loadAverages(_ optimizer: SafetensorsFile, into store: ParameterStore) throws {
    for parameter in store.parameters {
      let name = averagePrefix + parameter.name
      guard let entry = optimizer.entry(named: name) else { continue }
      guard entry.shape == parameter.extents else {
        throw InputError(
          .badData,
          "\(optimizer.path): \(name): expected shape \(parameter.extents), got \(entry.shape); the checkpoint belongs to "
            + "another model: take the settings that it was trained with")
      }
      store.write(parameter.name, .value, try optimizer.floats(named: name))
    }
  }

  private static let averagePrefix = "average."

  /// Sets what a file has for the model, by name, and reports the rest.
  ///
  /// Throws 65, naming the tensor, for numbers that are not finite: no run goes on from them.
  static func loadMatching(_ file: SafetensorsFile, into store: ParameterStore) throws -> NameMatch {
    let match = file.match(store.parameters.map { NamedShape($0.name, $0.extents) })
    for pair in match.loaded {
      let values = try file.floats(named: pair.file)
      guard isFinite(values) else {
        throw InputError(
          .badData,
          "\(file.path): \(pair.file): expected finite numbers, got infinity or NaN; take a checkpoint from before the "
            + "run diverged")
      }
      store.write(pair.model, .value, values)
    }
    return match
  }
}

/// Whether no number is infinite or NaN.
func isFinite(_ values: some Collection<Float>) -> Bool {
  // Zero times a number is zero unless that number is not finite; without a branch the loop needs no second look.
  var test: Float = 0
  for value in values { test += value * 0 }
  return test == 0
}

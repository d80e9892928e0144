import Tensors

/// Where the first number came up that is infinite or NaN.
public enum NonFiniteOrigin: Equatable, Sendable {
  /// The images of the batch themselves; the first such image, by its place in the batch.
  case input(image: Int)
  /// A trained parameter or a running statistic.
  case parameter(String)
  /// The output of an operation, or the loss that it adds to; the first such image, by its place in the batch, where an
  /// output tells.
  case operation(WorkLabel, image: Int?)
}

extension Plan {
  /// Runs forward as in training and looks at every output for the first that is not finite; nil when all are.
  ///
  /// `imageCount` is the size of the batch. It always runs to the end, since operations may sum over ranks: where one
  /// rank calls it, all do. `isLossFinite` is asked after each operation.
  public func nonFiniteOrigin(
    _ context: RunContext, imageCount: Int, isLossFinite: () -> Bool
  ) -> NonFiniteOrigin? {
    var origin: NonFiniteOrigin?
    let images = inputImages
    if let image = firstNonFinite(UnsafeRawPointer(images.baseAddress), images.count, .f32, imageCount) {
      origin = .input(image: image)
    }
    if origin == nil { origin = nonFiniteParameter.map { .parameter($0) } }
    forward(context) { step in
      if origin != nil { return }
      for buffer in step.writes where buffer.isValue {
        guard let image = firstNonFinite(buffer.base, buffer.count, buffer.precision, imageCount) else { continue }
        origin = .operation(step.label, image: image)
        return
      }
      if !isLossFinite() { origin = .operation(step.label, image: nil) }
    }
    return origin
  }

  private var nonFiniteParameter: String? {
    parameters.names.first { name in parameters.read(name).contains { !$0.isFinite } }
  }

  /// The image, the outermost of a buffer's extents, that holds the first number that is not finite.
  private func firstNonFinite(_ base: UnsafeRawPointer?, _ count: Int, _ precision: Precision, _ imageCount: Int)
    -> Int?
  {
    guard let base else { return nil }
    let element: Int?
    switch precision {
    case .f32: element = (0..<count).first { !base.load(fromByteOffset: 4 * $0, as: Float.self).isFinite }
    case .bf16:
      element = (0..<count).first { base.load(fromByteOffset: 2 * $0, as: UInt16.self) & 0x7f80 == 0x7f80 }
    }
    return element.map { $0 / max(1, count / imageCount) }
  }
}

import Graph

/// The numbers in front of the gradient arena, which are summed over ranks with the first bucket.
struct StepHead {
  private(set) var classLoss = 0.0
  private(set) var boxLoss = 0.0
  private(set) var isFinite = true
  private(set) var stopIsRequested: Bool

  /// The head of a step before its first micro-batch.
  init(stopIsRequested: Bool) { self.stopIsRequested = stopIsRequested }

  /// The losses of a micro-batch.
  mutating func add(_ targets: DetectionTargets) {
    classLoss += targets.classLoss
    boxLoss += targets.boxLoss
    isFinite = isFinite && classLoss.isFinite && boxLoss.isFinite
  }

  /// Writes the means over micro-batches, and 1 where the loss is not finite.
  func write(to arena: UnsafeMutableBufferPointer<Float>, passes: Int) {
    arena[0] = isFinite ? 0 : 1
    arena[1] = isFinite ? Float(classLoss / Double(passes)) : 0
    arena[2] = isFinite ? Float(boxLoss / Double(passes)) : 0
    arena[3] = stopIsRequested ? 1 : 0
  }

  /// Reads the sums over ranks.
  init(reading arena: UnsafeMutableBufferPointer<Float>) {
    isFinite = arena[0] == 0
    (classLoss, boxLoss) = (Double(arena[1]), Double(arena[2]))
    stopIsRequested = arena[3] != 0
  }
}

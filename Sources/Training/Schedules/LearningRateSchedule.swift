import Glibc
import Tensors

/// The learning rate as a function of the step.
///
/// A straight line from `warmupStart` to `peak` over `warmupSteps`, then the shape. Steps count from 0; every rate is
/// that of the whole batch.
public struct LearningRateSchedule: Equatable, Sendable {
  /// What the rate does after warmup.
  public enum Shape: Equatable, Sendable {
    /// Stays at the peak.
    case constant
    /// From step `boundaries[i]` on, the rate is `factors[i]` times the peak; boundaries rise.
    case step(boundaries: [Int], factors: [Double])
    /// Falls along half a cosine from the end of warmup to 0 at `totalSteps`.
    case cosine(totalSteps: Int)
    /// `factor` to the power of the whole multiples of `every` steps that have passed since step 0, times the peak: the
    /// staircase of TensorFlow's `exponential_decay`.
    case exponential(factor: Double, every: Int)
    /// The peak times the share of steps left after warmup to the power `power`; 0 at `totalSteps`.
    case polynomial(power: Double, totalSteps: Int)
  }

  /// The rate after warmup, above 0.
  public let peak: Double
  /// The rate of step 0 when there is warmup, from 0.
  public let warmupStart: Double
  /// Steps of warmup, from 0.
  public let warmupSteps: Int
  /// What the rate does after warmup.
  public let shape: Shape

  /// A schedule with its rates as they are applied, already scaled to the batch.
  public init(peak: Double, warmupStart: Double = 0, warmupSteps: Int = 0, shape: Shape) {
    require(warmupSteps >= 0, "a schedule cannot have \(warmupSteps) steps of warmup")
    if case .step(let boundaries, let factors) = shape {
      require(boundaries.count == factors.count, "\(boundaries.count) boundaries with \(factors.count) factors")
    }
    (self.peak, self.warmupStart, self.warmupSteps, self.shape) = (peak, warmupStart, warmupSteps, shape)
  }

  /// The rate of a step.
  public func rate(at step: Int) -> Double {
    if step < warmupSteps {
      return warmupStart + (peak - warmupStart) * Double(step) / Double(warmupSteps)
    }
    switch shape {
    case .constant: return peak
    case .step(let boundaries, let factors):
      let passed = boundaries.count { $0 <= step }
      return passed == 0 ? peak : peak * factors[passed - 1]
    case .cosine(let totalSteps):
      return peak * 0.5 * (1 + cos(.pi * progress(step, totalSteps)))
    case .exponential(let factor, let every):
      return peak * pow(factor, Double(step / max(1, every)))
    case .polynomial(let power, let totalSteps):
      return peak * pow(1 - progress(step, totalSteps), power)
    }
  }

  /// How far a step is from the end of warmup to the end of the run, in 0...1.
  private func progress(_ step: Int, _ totalSteps: Int) -> Double {
    min(1, Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps)))
  }
}

extension LearningRateSchedule {
  /// The schedule that a configuration describes, for a run's real batch and length.
  ///
  /// Linear scaling: rates are stated at `referenceBatch` images an update and grow in proportion, those of warmup too.
  /// (The official code leaves the start of warmup unscaled; at its batch of 64 both agree, at small batches that
  /// would make warmup fall.)
  /// - Parameters:
  ///   - globalBatch: images of all ranks and passes in an update.
  ///   - stepsPerEpoch: updates in a pass over the training images.
  ///   - totalSteps: updates of the whole run.
  public init(
    _ configuration: Configuration.LearningRate, globalBatch: Int, stepsPerEpoch: Int, totalSteps: Int
  ) {
    let scale = configuration.referenceBatch.map { Double(globalBatch) / Double($0) } ?? 1
    let shape: Shape =
      switch configuration.schedule {
      case .constant: .constant
      case .cosine: .cosine(totalSteps: totalSteps)
      case .exponential:
        .exponential(
          factor: configuration.decayFactor, every: configuration.decayEvery.steps(stepsPerEpoch: stepsPerEpoch))
      case .polynomial: .polynomial(power: configuration.power, totalSteps: totalSteps)
      case .step:
        .step(
          boundaries: configuration.boundaries.map { $0.steps(stepsPerEpoch: stepsPerEpoch) },
          factors: configuration.factors)
      }
    self.init(
      peak: configuration.peak * scale, warmupStart: configuration.warmupStart * scale,
      warmupSteps: configuration.warmup.steps(stepsPerEpoch: stepsPerEpoch), shape: shape)
  }
}

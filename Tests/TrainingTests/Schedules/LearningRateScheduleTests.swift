import Testing

@testable import Training

/// Oracle: closed forms, and the figures of the official RetinaNet recipe (1875 steps an epoch at batch 64).
@Suite struct LearningRateScheduleTests {
  /// The official recipe: 0.08 at batch 64, warmup from 0.008 over one epoch, divided by 10 at epochs 120 and 140.
  func official(globalBatch: Int, stepsPerEpoch: Int = 1875) -> LearningRateSchedule {
    LearningRateSchedule(
      Configuration(form: .paper).learningRate, globalBatch: globalBatch, stepsPerEpoch: stepsPerEpoch,
      totalSteps: 150 * stepsPerEpoch)
  }

  @Test("the paper's rate climbs from 0.008 to 0.08 over 1875 steps and falls tenfold at epochs 120 and 140")
  func paper() {
    let schedule = official(globalBatch: 64)
    let expected = [
      (0, 0.008), (1, 0.008 + 0.072 / 1875), (375, 0.0224), (1874, 0.008 + 0.072 * 1874 / 1875), (1875, 0.08),
      (224_999, 0.08), (225_000, 0.008), (262_499, 0.008), (262_500, 0.0008), (281_249, 0.0008),
    ]
    for (step, rate) in expected {
      // A handful of roundings of doubles.
      #expect(abs(schedule.rate(at: step) - rate) < 1e-15, "step \(step): \(schedule.rate(at: step))")
    }
  }

  @Test("every rate, also that of warmup, is proportional to the global batch", arguments: [1, 2, 8, 64, 1024])
  func linearScaling(globalBatch: Int) {
    let (reference, schedule) = (official(globalBatch: 64), official(globalBatch: globalBatch))
    for step in [0, 100, 1875, 225_000, 262_500] {
      let expected = reference.rate(at: step) * Double(globalBatch) / 64
      #expect(abs(schedule.rate(at: step) - expected) < 1e-14)
    }
  }

  @Test("without a reference batch the rates are taken as they are")
  func noScaling() {
    var configuration = Configuration(form: .paper).learningRate
    configuration.referenceBatch = nil
    let schedule = LearningRateSchedule(configuration, globalBatch: 2, stepsPerEpoch: 10, totalSteps: 100)
    #expect(schedule.rate(at: 50) == 0.08)
  }

  @Test("the cosine starts at the peak after warmup, passes half of it midway and ends at 0")
  func cosine() {
    let schedule = LearningRateSchedule(peak: 0.4, warmupSteps: 10, shape: .cosine(totalSteps: 110))
    #expect(schedule.rate(at: 0) == 0)
    #expect(schedule.rate(at: 5) == 0.2)
    #expect(schedule.rate(at: 10) == 0.4)
    #expect(abs(schedule.rate(at: 60) - 0.2) < 1e-15)
    #expect(abs(schedule.rate(at: 35) - 0.4 * 0.8535533905932737) < 1e-15)  // (1 + cos 45°) / 2
    #expect(schedule.rate(at: 110) == 0)
    #expect(schedule.rate(at: 1000) == 0)
  }

  @Test("the exponential schedule falls in stairs, counted from the first step")
  func exponential() {
    let schedule = LearningRateSchedule(
      peak: 0.64, warmupSteps: 3, shape: .exponential(factor: 0.9, every: 10))
    let expected = [(0, 0), (3, 0.64), (9, 0.64), (10, 0.64 * 0.9), (19, 0.64 * 0.9), (35, 0.64 * 0.729)]
    for (step, rate) in expected { #expect(abs(schedule.rate(at: step) - rate) < 1e-15, "step \(step)") }
  }

  @Test("the polynomial schedule falls from the peak after warmup to 0")
  func polynomial() {
    let schedule = LearningRateSchedule(peak: 8, warmupSteps: 10, shape: .polynomial(power: 2, totalSteps: 110))
    for (step, rate) in [(5, 4), (10, 8), (60, 2), (85, 0.5), (110, 0), (200, 0)] as [(Int, Double)] {
      #expect(abs(schedule.rate(at: step) - rate) < 1e-14, "step \(step)")
    }
  }

  @Test("a constant schedule without warmup has one rate")
  func constant() {
    let schedule = LearningRateSchedule(peak: 0.1, warmupStart: 0.01, shape: .constant)
    #expect([0, 1, 1_000_000].allSatisfy { schedule.rate(at: $0) == 0.1 })
  }

  @Test("a length in epochs rounds to the nearest step, but not to none")
  func spans() {
    #expect(TrainingSpan.steps(500).steps(stepsPerEpoch: 7) == 500)
    #expect(TrainingSpan.epochs(1.5).steps(stepsPerEpoch: 7) == 11)  // 10.5, ties away from zero
    #expect(TrainingSpan.epochs(0.001).steps(stepsPerEpoch: 10) == 1)
    #expect(TrainingSpan.epochs(0).steps(stepsPerEpoch: 10) == 0)
    #expect(TrainingSpan.epochs(150).steps(stepsPerEpoch: 1875) == 281_250)
  }
}

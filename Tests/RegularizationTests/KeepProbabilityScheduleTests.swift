import Regularization
import Testing

@Suite struct KeepProbabilityScheduleTests {
  @Test("the linear schedule is exactly 1 at step 0 and goes straight to the target")
  func linear() {
    let schedule = KeepProbabilitySchedule.linear
    #expect(schedule.keepProbability(step: 0, totalSteps: 112_590, target: 0.9) == 1)
    // One rounding of a product and one of a difference near 1: 2.3e-16.
    #expect(abs(schedule.keepProbability(step: 1, totalSteps: 100, target: 0.9) - 0.999) < 2.3e-16)
    #expect(abs(schedule.keepProbability(step: 50, totalSteps: 100, target: 0.9) - 0.95) < 2.3e-16)
    #expect(abs(schedule.keepProbability(step: 99, totalSteps: 100, target: 0.9) - 0.901) < 2.3e-16)
    #expect(abs(schedule.keepProbability(step: 100, totalSteps: 100, target: 0.9) - 0.9) < 2.3e-16)
  }

  @Test("after the last step the linear schedule stays at the target")
  func afterTheEnd() {
    let schedule = KeepProbabilitySchedule.linear
    let end = schedule.keepProbability(step: 100, totalSteps: 100, target: 0.25)
    #expect(end == 0.25)
    #expect(schedule.keepProbability(step: 1000, totalSteps: 100, target: 0.25) == end)
  }

  @Test("the constant schedule is the target at every step", arguments: [0, 7, 100])
  func constant(step: Int) {
    #expect(KeepProbabilitySchedule.constant.keepProbability(step: step, totalSteps: 100, target: 0.9) == 0.9)
  }

  @Test("the schedule by epoch is the linear one at each epoch's first step")
  func byEpoch() {
    let schedule = KeepProbabilitySchedule.linearByEpoch(stepsPerEpoch: 25)
    for step in 0..<120 {
      let expected = KeepProbabilitySchedule.linear.keepProbability(
        step: step - step % 25, totalSteps: 100, target: 0.9)
      #expect(schedule.keepProbability(step: step, totalSteps: 100, target: 0.9) == expected)
    }
    #expect(schedule.keepProbability(step: 24, totalSteps: 100, target: 0.9) == 1)
    #expect(abs(schedule.keepProbability(step: 99, totalSteps: 100, target: 0.9) - 0.925) < 2.3e-16)
  }

  /// The second form of ScheduledDropPath: cell k of n, counted from 1, drops k/n of the share.
  @Test("a place's rate goes by its block, its group, both or neither")
  func places() {
    let middle = MaskPlace(group: 3, .branchEnd, depth: 8)
    let last = MaskPlace(group: 4, .branchEnd, depth: 16)
    #expect(KeepProbabilities(0.9).at(middle) == 0.9)
    #expect(abs(KeepProbabilities(0.9, blocks: 16).at(middle) - 0.95) < 2.3e-16)
    #expect(abs(KeepProbabilities(0.9, blocks: 16).at(last) - 0.9) < 2.3e-16)
    #expect(abs(KeepProbabilities(0.9, groups: 4).at(middle) - 0.975) < 2.3e-16)
    #expect(abs(KeepProbabilities(0.9, groups: 4, blocks: 16).at(middle) - 0.9875) < 2.3e-16)
    #expect(KeepProbabilities(1, groups: 4, blocks: 16).at(middle) == 1)
    // In a network of three groups the third one is the last.
    #expect(KeepProbabilities(0.9, groups: 3).at(middle) == KeepProbabilities(0.9).at(middle))
  }

  @Test(
    "each earlier group drops a quarter of the next",
    arguments: [(4, 0.1), (3, 0.025), (2, 0.00625), (1, 0.0015625)])
  func groups(group: Int, dropRate: Double) {
    #expect(abs(1 - groupKeepProbability(0.9, group: group, of: 4) - dropRate) < 2.3e-16)
    #expect(groupKeepProbability(1, group: group, of: 4) == 1)
  }
}

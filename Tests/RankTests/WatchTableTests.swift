import Glibc
import Tensors
import Testing

@testable import Distributed

/// Oracle: what each rank was said to do.
@Suite struct WatchTableTests {
  private func state(
    _ rank: Int, work: String = "", isWaiting: Bool = false, idle: Double = 0, step: Int? = 12
  ) -> RankState {
    RankState(
      rank: rank, host: "h\(rank)", phase: "training", step: step, work: work, isWaiting: isWaiting, seconds: idle,
      idleSeconds: idle)
  }

  private func table(_ count: Int) -> WatchTable {
    WatchTable(hosts: (0..<count).map { "h\($0)" }, deadlineSeconds: 5)
  }

  private let bucket = "waiting in MPI_Iallreduce, bucket 1 of 3"

  @Test("a rank that is silent for the deadline is at fault, whatever it said last; the longest silence comes first")
  func silence() throws {
    var table = table(4)
    table.hear(state(0, work: bucket, isWaiting: true, idle: 1), now: 100)
    table.hear(state(1, work: bucket, isWaiting: true), now: 94)
    table.hear(state(2, work: "forward conv1 (convolution)"), now: 93)
    #expect(table.verdict(now: 98) == nil)
    let verdict = try #require(table.verdict(now: 100))
    #expect(verdict.headline == "rank 2 on h2: not heard for 7.0 s (deadline 5.0 s)")
    #expect(
      verdict.lines == [
        "at fault: rank 2 on h2: not heard for 7.0 s; last in training, step 12, forward conv1 (convolution), for 0.0 s",
        "at fault: rank 1 on h1: not heard for 6.0 s; last in training, step 12, \(bucket), for 0.0 s",
        "rank 0 on h0: in training, step 12, \(bucket), for 1.0 s", "rank 3 on h3: never heard of",
      ])
  }

  @Test("a rank that does not wait and makes no progress is at fault, those who wait for it are not")
  func stuck() throws {
    var table = table(3)
    for rank in [0, 2] { table.hear(state(rank, work: bucket, isWaiting: true, idle: 60), now: 100) }
    table.hear(state(1, work: "backward conv2 (convolution)", idle: 4.9), now: 100)
    #expect(table.verdict(now: 100.5) == nil)
    #expect(table.someoneWorks(now: 100.5))
    table.hear(state(1, work: "backward conv2 (convolution)", idle: 5.9), now: 101)
    let verdict = try #require(table.verdict(now: 101))
    #expect(
      verdict.headline
        == "rank 1 on h1: in training, step 12, backward conv2 (convolution), for 5.9 s without progress (deadline 5.0 s)"
    )
    #expect(
      verdict.lines.count == 3 && verdict.lines[0].hasPrefix("at fault: rank 1 ")
        && verdict.lines[1].hasPrefix("rank 0 "))
    #expect(!table.someoneWorks(now: 101))
  }

  @Test("ranks that all wait are at fault after the deadline, those at another place than most first")
  func standstill() throws {
    var table = table(3)
    for rank in [0, 1] { table.hear(state(rank, work: bucket, isWaiting: true, idle: 9), now: 100) }
    // One that was never heard of may be working.
    #expect(table.verdict(now: 100) == nil)
    table.hear(state(2, work: "waiting in MPI_Ibarrier", isWaiting: true, idle: 5), now: 100)
    #expect(table.verdict(now: 100) == nil)
    table.hear(state(2, work: "waiting in MPI_Ibarrier", isWaiting: true, idle: 6), now: 101)
    #expect(
      try #require(table.verdict(now: 101)).headline.hasPrefix("rank 2 on h2: in training, step 12, waiting in MPI_Ib"))
    table.hear(state(2, work: bucket, isWaiting: true, idle: 6), now: 101)
    let verdict = try #require(table.verdict(now: 101))
    #expect(verdict.headline.contains("all in the same place") && verdict.lines.count == 3)
  }

  @Test("a rank that has finished, or a time in which this process was stopped, is nobody's fault")
  func forgiven() {
    var table = table(2)
    table.hear(state(0), now: 100)
    table.hear(state(1), now: 100)
    table.forgive(now: 130)
    #expect(table.verdict(now: 134) == nil)
    #expect(table.verdict(now: 136) != nil)
    table.leave(0)
    table.leave(1)
    #expect(table.verdict(now: 136) == nil && table.unheard.isEmpty)
  }

  @Test("outside of a step the process's own movement is progress, inside and in waits it is not")
  func progress() {
    var moment = Activity.Moment(since: 10)
    func idle() -> Double { RankState(moment, rank: 0, host: "h", now: 30, movedAt: 28).idleSeconds }
    #expect(idle() == 2)
    moment.work = .waiting(call: "MPI_Ibcast", place: "")
    #expect(idle() == 20)
    (moment.step, moment.work) = (3, .unnamed)
    #expect(idle() == 20)
  }

  @Test("a process that computes or reads moves, one that sleeps does not")
  func ownProgress() {
    var progress = OwnProgress(now: 0)
    progress.look(now: 1)
    // Microseconds on a processor, not on the wall: on a busy machine those may be without any work.
    let start = clock()
    while clock() - start < 200_000 {}
    progress.look(now: 2)
    #expect(progress.movedAt == 2)
    // The same work counts for less than a fiftieth of a long time.
    progress.look(now: 100_000)
    #expect(progress.movedAt == 2)
  }
}

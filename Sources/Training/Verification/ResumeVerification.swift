import Checkpoints
import Foundation
import Glibc
import Tensors

/// The story of `verify-resume`: one run left alone, then runs that are killed, resumed and compared with it.
final class ResumeVerification {
  private let launch: SupervisedLaunch
  private let kills: Int
  private let seed: UInt64
  private let console: Console
  /// How long what a killed rank leaves behind may live, in seconds.
  private static let graceSeconds = 30.0
  /// How long a job may take, in seconds; no limit until one has ended.
  private var patienceSeconds = Double.infinity

  init(launch: SupervisedLaunch, kills: Int, seed: UInt64, console: Console) {
    (self.launch, self.kills, self.seed, self.console) = (launch, kills, seed, console)
  }

  func run() throws -> ResumeReport {
    var report = ResumeReport(ranks: launch.ranks, seed: seed)
    let times = try reference()
    console.say(
      "undisturbed run on \(launch.ranks) ranks: \(times.steps) steps in \(NumberText.fixed(times.seconds, 1)) s, "
        + "\(times.sets) checkpoints of \(NumberText.fixed(times.writeSeconds, 2)) s each")
    var random = RandomSequence(Philox(seed: seed, stream: 0), 0, 0, 0)
    for number in 0..<kills {
      let name = "killed-\(number + 1)"
      var found = try killAndResume(name, number, times, &random)
      found.difference = try RunComparison(expected: directory("undisturbed"), actual: directory(name)).difference()
      console.say(
        "kill \(number + 1) of \(kills): rank \(found.rank) \(found.place); "
          + (found.resumedFrom == 0 ? "started anew" : "resumed from step \(found.resumedFrom)")
          + ": \(found.difference ?? "identical")")
      report.runs.append(found)
      if found.difference == nil { try? FileManager.default.removeItem(atPath: directory(name)) }
    }
    return report
  }

  private func directory(_ name: String) -> String { "\(launch.folder)/\(name)" }

  /// The run that nothing disturbs, and what it took.
  private func reference() throws -> KillMoment.Times {
    let job = try launch.start("undisturbed")
    var times = KillMoment.Times(seconds: 0, steps: 0, sets: 0, stepSeconds: 0, writeSeconds: 0)
    var writing: String?
    var last = job.seconds
    try watch(job) {
      let now = job.seconds
      let progress = RunProgress(ofCheckpoints: job.directory)
      if let set = progress.writing {
        if set != writing { times.sets += 1 }
        times.writeSeconds += now - last
      }
      (writing, last) = (progress.writing, now)
      return false
    }
    try requireSuccess(job, "undisturbed")
    times.seconds = job.seconds
    patienceSeconds = 600 + 5 * times.seconds
    times.steps = RunProgress(of: job.directory).steps
    times.writeSeconds /= Double(max(1, times.sets))
    times.stepSeconds = times.seconds / Double(max(1, times.steps))
    return times
  }

  /// One run that is killed once and taken up again until it has finished.
  private func killAndResume(
    _ name: String, _ number: Int, _ times: KillMoment.Times, _ random: inout RandomSequence
  ) throws -> ResumeReport.Run {
    for _ in 0..<5 {
      let (moment, rank) = KillMoment.draw(number, ranks: launch.ranks, times: times, random: &random)
      let job = try launch.start(name)
      guard try kill(job, rank: rank, at: moment, times) else {
        // It was faster than its model this time, and ended before: once more, at another moment.
        try requireSuccess(job, name)
        try FileManager.default.removeItem(atPath: directory(name))
        continue
      }
      let seconds = job.seconds
      try requireEnd(of: job, name)
      let left = RunProgress(of: job.directory)
      let resumedFrom = CheckpointStore(runDirectory: job.directory).latestStep ?? 0
      let again = try launch.start(name)
      try watch(again) { false }
      try requireSuccess(again, name)
      let step = "in step \(left.steps + 1) of \(times.steps), epoch \(NumberText.fixed(left.epoch, 2))"
      let place =
        left.steps == 0 ? "before the first step was recorded" : left.steps < times.steps ? step : "after the last step"
      let half = left.writing.map { "\($0)/\(left.file ?? "")" }
      return ResumeReport.Run(
        kill: number + 1, rank: rank,
        place: place + ", \(NumberText.fixed(seconds, 2)) s after the start" + (half.map { ", writing \($0)" } ?? ""),
        steps: left.steps, halfWritten: half, resumedFrom: resumedFrom)
    }
    throw InputError(
      .internalError, "\(name): the run ended before it could be killed, five times over; lengthen train.length")
  }

  /// Waits for the moment and kills a rank; false when the job has ended before.
  private func kill(
    _ job: SupervisedJob, rank: Int, at moment: KillMoment, _ times: KillMoment.Times
  ) throws -> Bool {
    var writing: String?
    var sets = 0
    var wait = 0.0
    try watch(job) {
      guard job.process(ofRank: rank) != nil else { return false }
      switch moment {
      case .anywhere(let fraction): return job.seconds >= fraction * times.seconds
      case .inStep(let step, let fraction):
        wait = fraction * times.stepSeconds
        return RunProgress(of: job.directory).steps >= step - 1
      case .whileWriting(let set, let fraction):
        wait = fraction * times.writeSeconds
        let progress = RunProgress(ofCheckpoints: job.directory)
        if let name = progress.writing, name != writing { sets += 1 }
        writing = progress.writing ?? writing
        return sets > set
      }
    }
    usleep(UInt32(wait * 1e6))
    guard job.isRunning, let victim = job.process(ofRank: rank) else { return false }
    return Glibc.kill(victim, SIGKILL) == 0
  }

  /// Looks at a job every two milliseconds until it ends or `isTime`.
  private func watch(_ job: SupervisedJob, until isTime: () -> Bool) throws {
    while job.isRunning && !isTime() {
      if StopRequest.isPending { throw InputError(.interrupted, "stopped by a signal; nothing was verified") }
      if job.seconds > patienceSeconds {
        throw InputError(.rankFailed, "\(job.directory): the job has not ended after \(job.seconds) s")
      }
      usleep(2_000)
    }
  }

  /// Throws unless a job whose rank was killed ends soon, and leaves no process behind.
  private func requireEnd(of job: SupervisedJob, _ name: String) throws {
    let start = monotonicSeconds()
    while job.isRunning || !job.survivors.isEmpty {
      if monotonicSeconds() - start > Self.graceSeconds {
        throw InputError(
          .rankFailed, "\(name): processes \(job.survivors) live on \(Self.graceSeconds) s after the kill of a rank")
      }
      usleep(5_000)
    }
  }

  private func requireSuccess(_ job: SupervisedJob, _ name: String) throws {
    guard let code = job.exitCode, code != 0 else { return }
    let log = "\(launch.folder)/\(name).log"
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    let last = text.split(separator: "\n").last { $0.hasPrefix("error:") } ?? text.split(separator: "\n").last
    throw InputError(
      ExitCode(rawValue: code) ?? .internalError, "\(name): the job ended with \(code): \(last ?? ""); see \(log)")
  }
}

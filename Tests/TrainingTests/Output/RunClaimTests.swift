import Foundation
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: the kernel's locks, and its table of processes.
@Suite struct RunClaimTests {
  private let folder: TemporaryDirectory
  private let run: RunDirectory

  init() throws {
    folder = try TemporaryDirectory("claim")
    run = RunDirectory(path: folder.path)
  }

  private static let quick = RunClaim.Times(heartbeat: 0.1, dying: 0)

  /// Writes a lock file as another process leaves it.
  private func leave(host: String, process: pid_t, processStart: Int) throws {
    let line =
      "{\"host\":\"\(host)\",\"process\":\(process),\"processStart\":\(processStart),\"since\":\"2026-01-02T03:04:05Z\"}\n"
    try line.write(toFile: run.lockFile, atomically: false, encoding: .utf8)
  }

  private func expectRefused(_ words: String, _ claim: () throws(InputError) -> RunClaim) {
    do throws(InputError) {
      _ = try claim()
      Issue.record("a second run was let in")
    } catch {
      #expect(error.exitCode == .cannotWrite)
      #expect(error.description.hasPrefix("\(run.path): another run writes to it: \(words)"), "\(error)")
      #expect(error.description.hasSuffix("or give another directory with --output DIR"))
    }
  }

  private var own: RunOwner { .ofThisProcess() }

  @Test("a second run is refused by the name of the first, until that has ended; then the file is empty")
  func second() throws {
    do {
      let first = try RunClaim(run, times: Self.quick) { Issue.record("\($0)") }
      let owner = try #require(RunOwner(file: run.lockFile))
      #expect(owner.process == getpid() && owner.isOfThisHost && owner.isAlive)
      expectRefused("process \(getpid()) on \(owner.host), since \(owner.since); ") { () throws(InputError) in
        try RunClaim(run, times: Self.quick) { _ in }
      }
      // The one that was refused changed nothing.
      #expect(RunOwner(file: run.lockFile) == owner)
      try first.directory.requireInPlace()
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: run.lockFile)).isEmpty)
    _ = try RunClaim(run, times: Self.quick) { Issue.record("\($0)") }
  }

  @Test("a run that is about to end is waited for")
  func dying() throws {
    let asked = Atomic<Int>(0)
    _ = try RunClaim(
      run, times: .init(heartbeat: 0.1, dying: HangLimit.seconds),
      answer: { asked.add(1, ordering: .relaxed).newValue < 3 ? .refused : $0.tryLock() }, say: { _ in })
    #expect(asked.load(ordering: .relaxed) == 3)
  }

  @Test("what a killed run of this host left behind stops nobody", arguments: [true, false])
  func killed(isShared: Bool) throws {
    try leave(host: own.host, process: 1, processStart: 1)
    _ = try RunClaim(run, times: Self.quick, isShared: isShared) { Issue.record("\($0)") }
  }

  @Test("a lock file that a crash cut short stops nobody")
  func damaged() throws {
    try "{\"host\":\"".write(toFile: run.lockFile, atomically: false, encoding: .utf8)
    _ = try RunClaim(run, times: Self.quick, isShared: true) { Issue.record("\($0)") }
  }

  @Test("without locks a living process of this host is refused, one that has ended or whose number another has is not")
  func withoutLocks() throws {
    func claim() throws(InputError) -> RunClaim {
      try RunClaim(run, times: Self.quick, answer: { _ in .unsupported }, say: { Issue.record("\($0)") })
    }
    try leave(host: own.host, process: getpid(), processStart: own.processStart)
    expectRefused("process \(getpid()) on \(own.host), since 2026-01-02T03:04:05Z; ", claim)
    try leave(host: own.host, process: getpid(), processStart: own.processStart + 1)
    _ = try claim()
    #expect(try Data(contentsOf: URL(fileURLWithPath: run.lockFile)).isEmpty)
  }

  @Test(
    "on a shared file system a run of another host is refused while it gives signs of life, with locks or without",
    arguments: [LockFile.Answer.locked, .unsupported])
  func otherHost(answer: LockFile.Answer) throws {
    func claim(_ say: (String) -> Void) throws(InputError) -> RunClaim {
      try RunClaim(run, times: Self.quick, isShared: true, answer: { _ in answer }, say: say)
    }
    try leave(host: "elsewhere", process: 77, processStart: 5)
    let isDead = Atomic<Bool>(false)
    let path = run.lockFile
    let life = WorkerThread {
      while !isDead.load(ordering: .relaxed) {
        utimensat(AT_FDCWD, path, nil, 0)
        usleep(10_000)
      }
    }
    expectRefused("process 77 on elsewhere, since 2026-01-02T03:04:05Z; ") { () throws(InputError) in try claim { _ in }
    }
    isDead.store(true, ordering: .relaxed)
    life.join()
    var said: [String] = []
    let won = try claim { said.append($0) }
    #expect(said.count == 1 && said[0].contains("process 77 on elsewhere") && said[0].contains("sign of life"))
    // The winner gives signs of its own.
    func modified() -> Double {
      var status = stat()
      stat(path, &status)
      return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
    }
    let before = modified()
    #expect(HangLimit.wait { modified() > before })
    withExtendedLifetime(won) {}
  }

  @Test("a planted link in the place of the lock file is not followed")
  func planted() throws {
    let victim = try folder.write("mine", to: "victim")
    #expect(symlink(victim, run.lockFile) == 0)
    #expect(throws: InputError.self) { try RunClaim(run, times: Self.quick) { _ in } }
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
  }
}

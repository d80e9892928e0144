import Distributed
import Glibc
import TestSupport

#if compiler(>=6.1)
  import Testing
#else
  @_spi(Experimental) import Testing
#endif

// Note [Rank tests]
// Add tests in an extension, as a `@RankThread` suite, and take the communicator from `RankWorld.shared`:
//
//     extension Ranks {
//       @Suite("Training over ranks") @RankThread struct TrainingTests {
//         @Test("two ranks hold the same parameters after a step") func equalParameters() throws {
//           let world = RankWorld.shared
//
// Why this is safe: MPI runs once, on one thread, because everything here is on the actor `RankThread` (keep test bodies
// free of `await`, so that no other test starts in their middle). `.serialized` covers all nested suites and makes
// swift-testing run them in source order (file name, then line), which is the same on all ranks; the `.acrossRanks`
// trait checks exactly that before each test, and fails every test of a run with a single rank. MPI ends at exit.
//
// Run them on the built bundle (`swift test` under mpirun would wait for its own build lock), with
//
//     mpirun -np 2 BUNDLE.xctest --testing-library swift-testing --filter 'RankTests\.Ranks/'
//
// and everything else, without mpirun, with `--skip 'RankTests\.Ranks/'`. Both work with `--no-parallel` too. Tests
// of this target that need one process only go into suites outside `Ranks`. A rank that leaves a test early makes the
// others wait: after `HangLimit.seconds` they report the stall, and the run leaves with code 74.

/// The root of every test that needs several ranks: see Note [Rank tests].
@Suite(.serialized, .acrossRanks) struct Ranks {}

/// The one MPI job of the test process.
@RankThread enum RankWorld {
  /// Started by the first test that asks; ended at exit.
  private static let environment: MPIEnvironment = {
    do {
      let environment = try MPIEnvironment.start(deadlineSeconds: HangLimit.seconds)
      runningEnvironment = environment
      if let name = processEnvironment()[DepartureRehearsal.variable] {
        guard let rehearsal = DepartureRehearsal(rawValue: name) else { fatalError("no departure \(name)") }
        rehearsal.perform(environment)
      }
      atexit { runningEnvironment?.finalize() }
      return environment
    } catch {
      fatalError("MPI does not start: \(error)")
    }
  }()

  /// The thread that asked first.
  static let thread = pthread_self()

  /// How the job was launched; a collective.
  static func launchFacts() throws -> LaunchFacts { try LaunchFacts.gather(environment) }

  /// The communicator of all ranks, for every rank test.
  static var shared: Communicator {
    _ = thread
    return environment.world
  }
}

/// What the exit handler ends; written once, read after the last test.
nonisolated(unsafe) private var runningEnvironment: MPIEnvironment?

/// Checks before each test that there are several ranks and that all of them are at this test.
struct AcrossRanks: SuiteTrait, TestTrait {
  let isRecursive = true

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let obstacle = await Self.obstacle(to: "\(test.id)")
    if let obstacle {
      Issue.record("\(obstacle)")
    } else {
      try await function()
    }
  }

  /// Why a test cannot run on this rank; the same answer on all ranks.
  @RankThread private static func obstacle(to name: String) -> String? {
    let world = RankWorld.shared
    if world.size == 1 { return "this test needs ranks: run the bundle under mpirun -np 2 (see Ranks.swift)" }
    world.phase = "test \(name)"
    do {
      let names = try world.allgather(name)
      return Set(names).count == 1 ? nil : "the ranks are at different tests: \(names)"
    } catch {
      world.abort(.rankFailed, "the ranks lost each other before \(name): \(error)")
    }
  }
}

#if compiler(>=6.1)
  extension AcrossRanks: TestScoping {}
#else
  extension AcrossRanks: CustomExecutionTrait {
    /// What Swift 6.0 calls around a test in the place of `provideScope`, and around suites and all cases of a test.
    func execute(
      _ function: @escaping @Sendable () async throws -> Void, for test: Test, testCase: Test.Case?
    ) async throws {
      if testCase == nil {
        try await function()
      } else {
        try await provideScope(for: test, testCase: testCase, performing: function)
      }
    }
  }
#endif

extension Trait where Self == AcrossRanks {
  /// Needs several ranks, all at the same test.
  static var acrossRanks: Self { AcrossRanks() }
}

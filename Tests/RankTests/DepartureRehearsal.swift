import Distributed
import Tensors

/// A way for a rank test process to leave, chosen by a variable, so that mpirun's exit code can be tested from outside.
///
/// `DepartureTests` starts such runs; every rank leaves when the first rank test asks for the communicator.
enum DepartureRehearsal: String {
  static let variable = "RANK_TESTS_DEPARTURE"

  /// Rank 1 alone has an error, while the others are inside a collective.
  case oneRankAborts
  /// Rank 1 has an error and all ranks agree on it.
  case allAgree
  /// All ranks know that they stop for a signal.
  case stop
  /// Rank 1 never comes to a barrier; the others' deadline is a second.
  case stall

  func perform(_ mpi: MPIEnvironment) -> Never {
    let world = mpi.world
    let error = InputError(.badData, "shard 1 is damaged")
    do {
      switch self {
      case .oneRankAborts:
        if world.rank == 1 { mpi.leave(after: error) }
        try world.barrier()
      case .allAgree:
        try world.collectively { if world.rank == 1 { throw error } }
      case .stop:
        mpi.leave(.interrupted)
      case .stall:
        if world.rank == 1 { while true { sleepBriefly() } }
        (world.deadlineSeconds, world.phase) = (1, "rehearsal")
        try world.barrier()
      }
      mpi.leave(.success)
    } catch {
      mpi.leave(after: error)
    }
  }

  private func sleepBriefly() {
    let end = ContinuousClock.now + .milliseconds(100)
    while ContinuousClock.now < end {}
  }
}

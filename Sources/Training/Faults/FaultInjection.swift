import Distributed
import Foundation
import Graph
import Tensors

/// The faults that a run was asked to bring upon this rank, at the moments where they strike.
///
/// Each says on standard error that it strikes. Without faults every call does nothing.
struct FaultInjection {
  private let faults: [InjectedFault]
  private let place: String

  /// The faults of this rank.
  ///
  /// Throws 64 on all ranks for one whose rank or tensor does not exist; all ranks call it.
  init(
    _ faults: [InjectedFault], communicator: Communicator, store: ParameterStore, canSpoilLoss: Bool = true
  ) throws {
    for fault in faults {
      if fault.rank >= communicator.size {
        throw AgreedError(.usage, "--inject: there is no rank \(fault.rank); the job has \(communicator.size), from 0")
      }
      if case .notANumber(.loss) = fault.kind, !canSpoilLoss {
        throw AgreedError(.usage, "--inject: nan in place=loss needs a detector; take place=input for a classifier")
      }
      if case .bitFlip(let name?, _) = fault.kind, !store.names.contains(name) {
        let nearest = nearestName(to: name, among: store.names).map { "; did you mean \($0)?" } ?? ""
        throw AgreedError(.usage, "--inject: the model has no tensor \"\(name)\"\(nearest)")
      }
    }
    self.faults = faults.filter { $0.rank == communicator.rank }
    place = "rank \(communicator.rank) on \(communicator.host)"
  }

  /// Strikes between the first batch of a step and its forward pass.
  func strike(step: Int) {
    for fault in faults where fault.step == step {
      switch fault.kind {
      case .kill:
        say("kill", step)
        kill(getpid(), SIGKILL)
      case .stall(let seconds):
        say("stall", step)
        let end = monotonicSeconds() + (seconds ?? .infinity)
        while monotonicSeconds() < end { usleep(20_000) }
      case .notANumber(let place): say("nan in the \(place.rawValue)", step)
      case .bitFlip, .stop: continue
      }
    }
  }

  /// Puts NaN into the first image of a step, or returns true where the loss is to be spoilt; a pure function, so that the
  /// step can be looked at again.
  func spoil(_ images: UnsafeMutableBufferPointer<Float>, step: Int) -> Bool {
    var spoilsLoss = false
    for fault in faults where fault.step == step {
      guard case .notANumber(let place) = fault.kind else { continue }
      switch place {
      case .input: images[0] = .nan
      case .loss: spoilsLoss = true
      }
    }
    return spoilsLoss
  }

  /// Strikes after the update of a step.
  func strikeAfterUpdate(step: Int, _ store: ParameterStore) {
    for fault in faults where fault.step == step {
      if fault.kind == .stop {
        say("SIGTERM", step)
        kill(getpid(), SIGTERM)
      }
      guard case .bitFlip(let name, let bit) = fault.kind else { continue }
      let tensor = name ?? store.names[0]
      say("bit \(bit) of \(tensor) flips", step)
      var values = store.read(tensor)
      let middle = values.count / 2
      values[middle] = Float(bitPattern: values[middle].bitPattern ^ 1 << UInt32(bit))
      store.write(tensor, .value, values)
    }
  }

  private func say(_ what: String, _ step: Int) {
    printError("injected fault: \(place), step \(step): \(shown(what))")
  }
}

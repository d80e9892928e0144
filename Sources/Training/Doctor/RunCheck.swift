import Distributed
import Foundation
import Tensors

/// Something that is looked at before a run, or by `doctor`; the same list serves both.
struct RunCheck {
  /// What it is about, in a word.
  let name: String
  /// Looks, on all ranks; returns what this rank found and throws what ends a run.
  ///
  /// It may call collectives only where all ranks surely reach them.
  let look: (CheckContext) throws -> [Finding]

  /// A check.
  init(_ name: String, _ look: @escaping (CheckContext) throws -> [Finding]) { (self.name, self.look) = (name, look) }
}

/// What checks know, and what later ones learn from earlier ones.
final class CheckContext {
  /// The configuration of the run.
  let configuration: Configuration
  /// The ranks.
  let mpi: MPIEnvironment
  /// How they were launched.
  let facts: LaunchFacts
  /// The threads of this rank, once they are settled.
  var threads: ThreadChoice?

  /// Gathers the facts; all ranks call it.
  init(_ configuration: Configuration, mpi: MPIEnvironment) throws {
    (self.configuration, self.mpi) = (configuration, mpi)
    facts = try LaunchFacts.gather(mpi)
  }

  /// The ranks' communicator.
  var communicator: Communicator { mpi.world }
  /// This rank's host, where findings of a host are made by its first rank.
  var host: Finding.Place { .host(communicator.host) }
  /// This rank.
  var rank: Finding.Place { .rank(communicator.rank, host: communicator.host) }
  /// Whether this rank looks for its host.
  var isFirstOfHost: Bool { communicator.localRank == 0 }
}

extension RunCheck {
  /// Runs checks before a run and returns what to warn of, on rank 0.
  ///
  /// All ranks call it. Throws the first problem on all of them.
  static func require(_ checks: [RunCheck], _ context: CheckContext) throws -> [String] {
    var findings: [Finding] = []
    for check in checks {
      findings += try context.communicator.collectively { try check.look(context) }.filter { $0.verdict != .ok }
    }
    return try gather(findings, context).map { $0.found + ($0.remedy.map { "; \($0)" } ?? "") }
  }

  /// Runs checks for `doctor` and returns what they found, problems among it, on rank 0.
  ///
  /// All ranks call it. Throws only what ends communication.
  static func survey(_ checks: [RunCheck], _ context: CheckContext) throws -> [Finding] {
    var findings: [Finding] = []
    for check in checks {
      var found: [Finding]
      do {
        found = try check.look(context)
      } catch let error as RankError {
        throw error
      } catch {
        found = [Finding(error, on: context.rank)]
      }
      for index in found.indices { found[index].check = check.name }
      findings += try gather(found, context)
    }
    return findings
  }

  private static func gather(_ findings: [Finding], _ context: CheckContext) throws -> [Finding] {
    let own = findings.isEmpty ? [] : Array(try JSONEncoder().encode(findings))
    let everyone = try context.communicator.gather(own).flatMap { bytes in
      bytes.isEmpty ? [] : try JSONDecoder().decode([Finding].self, from: Data(bytes))
    }
    return everyone.merged(hosts: context.facts.nodes, ranks: context.facts.ranks)
  }
}

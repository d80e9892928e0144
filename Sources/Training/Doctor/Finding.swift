import Distributed
import Tensors

/// One thing that a check found out.
struct Finding: Codable, Equatable {
  /// How good it is.
  enum Verdict: String, Codable {
    /// As it should be.
    case ok
    /// A run works, but slower or with more risk than need be.
    case warning
    /// A run ends with an error.
    case problem
  }

  /// Of what the finding is: the job, a host or a rank.
  enum Place: Codable, Equatable {
    case job
    case host(String)
    case rank(Int, host: String)
  }

  /// The check.
  var check = ""
  let verdict: Verdict
  /// What a run ends with; 0 unless it is a problem.
  let exitCode: Int32
  /// What was found.
  var found: String
  /// The command or setting that mends it, where `found` does not say it.
  let remedy: String?
  var place = Place.job

  /// As it should be.
  static func ok(_ found: String, on place: Place = .job) -> Finding {
    Finding(verdict: .ok, exitCode: 0, found: found, remedy: nil, place: place)
  }

  /// Works, but could be better.
  static func warning(_ found: String, remedy: String? = nil, on place: Place = .job) -> Finding {
    Finding(verdict: .warning, exitCode: 0, found: found, remedy: remedy, place: place)
  }

  /// Ends a run with a code.
  static func problem(
    _ code: ExitCode, _ found: String, remedy: String? = nil, on place: Place = .job
  ) -> Finding {
    Finding(verdict: .problem, exitCode: code.rawValue, found: found, remedy: remedy, place: place)
  }

  /// What ends a run where a check threw.
  init(_ error: any Error, on place: Place) {
    let user = error as? any UserError
    self = .problem(
      user?.exitCode ?? .internalError, user?.description ?? "internal error: \(error)",
      // All ranks hold an agreed error, and it names its rank.
      on: error is AgreedError ? .job : place)
  }

  private init(verdict: Verdict, exitCode: Int32, found: String, remedy: String?, place: Place) {
    (self.verdict, self.exitCode, self.found) = (verdict, exitCode, found)
    (self.remedy, self.place) = (remedy, place)
  }

  /// The same finding without its place, to compare.
  var withoutPlace: Finding {
    var copy = self
    copy.place = .job
    return copy
  }
}

extension [Finding] {
  /// The findings of all ranks with equal ones told once: of the places that found the same, all are named unless that is
  /// every host or rank.
  func merged(hosts: Int, ranks: Int) -> [Finding] {
    var order: [Finding] = []
    var places: [[Finding.Place]] = []
    for finding in self {
      if let index = order.firstIndex(of: finding.withoutPlace) {
        if !places[index].contains(finding.place) { places[index].append(finding.place) }
      } else {
        order.append(finding.withoutPlace)
        places.append([finding.place])
      }
    }
    return zip(order, places).map { finding, places in
      var names: [String] = []
      var (hostCount, rankCount) = (0, 0)
      for place in places {
        switch place {
        case .job: return finding
        case .host(let host): (hostCount, names) = (hostCount + 1, names + [host])
        case .rank(let rank, let host): (rankCount, names) = (rankCount + 1, names + ["rank \(rank) on \(host)"])
        }
      }
      if hostCount == hosts || rankCount == ranks { return finding }
      let shown = names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
      var named = finding
      named.found = "\(shown): \(finding.found)"
      return named
    }
  }
}

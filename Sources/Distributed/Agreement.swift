import Tensors

/// An error that all ranks know of: of several, that of the lowest rank.
///
/// Since every rank holds it at the same place in the program, all can leave in order, with one code and one message:
/// `MPIEnvironment.leave(after:)`.
public struct AgreedError: UserError, Equatable {
  /// The lowest rank that failed.
  public let rank: Int
  /// That rank's code.
  public let exitCode: ExitCode
  /// That rank's message, with rank and host in front when there are several ranks.
  public let description: String

  /// The lowest failing rank's error.
  init(rank: Int, exitCode: ExitCode, description: String) {
    (self.rank, self.exitCode, self.description) = (rank, exitCode, description)
  }

  /// An error that every rank has found out by itself, and throws at the same place.
  public init(_ exitCode: ExitCode, _ description: String) {
    self.init(rank: 0, exitCode: exitCode, description: description)
  }
}

extension Communicator {
  /// Whether the flag is set on any rank; the same answer on all ranks.
  public func agreeOnAny(_ flag: Bool) throws(RankError) -> Bool {
    try allreduced(flag ? 1 : 0 as Int64, .maximum) != 0
  }

  /// The largest of all ranks' values, for codes ordered by urgency (go on, save, stop).
  public func agreeOnLargest(_ code: Int) throws(RankError) -> Int {
    Int(try allreduced(Int64(code), .maximum))
  }

  /// Tells all ranks of the errors of some: the lowest failing rank's on every rank, or nil when none has failed.
  ///
  /// All ranks call it, each with its own error or nil. An error that is no `UserError` counts as internal, code 70.
  public func firstError(_ error: (any Error)?) throws(RankError) -> AgreedError? {
    let failing = Int(try allreduced(Int64(error == nil ? size : rank), .minimum))
    if failing == size { return nil }
    var message = ""
    var code = Int64(ExitCode.internalError.rawValue)
    if rank == failing, let error {
      let user = error as? any UserError
      if let user { code = Int64(user.exitCode.rawValue) }
      message = user?.description ?? "internal error: \(error)"
      if size > 1, !(error is RankError) { message = "rank \(rank) on \(host): " + message }
    }
    let agreedCode = try broadcast(rank == failing ? String(code) : "", from: failing)
    let agreedMessage = try broadcast(message, from: failing)
    let exitCode = Int32(agreedCode).flatMap { ExitCode(rawValue: $0) } ?? .internalError
    return AgreedError(rank: failing, exitCode: exitCode, description: agreedMessage)
  }

  /// Runs `body` on every rank and throws on every rank when it threw on any.
  ///
  /// For work that each rank does alone (reading a file, checking a configuration). `body` may call collectives only
  /// where all ranks surely reach them; a `RankError` from one is thrown on, for then the ranks cannot agree any more.
  public func collectively<Value>(_ body: () throws -> Value) throws -> Value {
    let result: Result<Value, any Error>
    do {
      result = .success(try body())
    } catch let error as RankError {
      throw error
    } catch let error as AgreedError {
      // All ranks hold it already.
      throw error
    } catch {
      result = .failure(error)
    }
    var failure: (any Error)?
    if case .failure(let error) = result { failure = error }
    if let agreed = try firstError(failure) { throw agreed }
    return try result.get()
  }
}

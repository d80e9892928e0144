import Datasets
import Distributed
import Foundation
import Tensors

/// `doctor`: whether a run would work here, and what would make it better.
public struct DoctorRequest: Sendable {
  /// The configuration.
  public var configuration: Configuration
  /// The run directory, or nil for `runs/NAME`.
  public var output: String?
  /// The file that gets the findings as JSON.
  public var json: String?

  /// A request.
  public init(configuration: Configuration, output: String? = nil, json: String? = nil) {
    (self.configuration, self.output, self.json) = (configuration, output, json)
  }

  /// Looks at everything on all ranks and ends the process: 0 when a run would work, else with the code of the first
  /// problem, which is the one that a run would end with.
  public func run() -> Never {
    configuration.planner.instructions.limitLibrary()
    let (mpi, findings) = join()
    do {
      mpi.leave(ExitCode(rawValue: try report(findings, mpi)) ?? .internalError)
    } catch {
      mpi.leave(after: error)
    }
  }

  /// Joins the ranks; where that fails, the first process looks at the rest alone, behind what it failed by.
  private func join() -> (mpi: MPIEnvironment, findings: [Finding]) {
    do {
      return (try MPIEnvironment.start(deadlineSeconds: configuration.distributed.deadlineSeconds), [])
    } catch {
      // A run would end here.
      guard let alone = try? MPIEnvironment.start(environment: [:]), launchedRank() == 0 else { Launch.fail(error) }
      var finding = Finding(error, on: .job)
      finding.check = "launch"
      return (alone, [finding])
    }
  }

  /// Says what was found at the launch and what is found now; returns the code of the first problem, on every rank.
  private func report(_ launchFindings: [Finding], _ mpi: MPIEnvironment) throws -> Int32 {
    let world = mpi.world
    let console = Console(style: .ofThisProcess(rank: world.rank))
    let (found, censuses) = try look(mpi)
    let findings = launchFindings + found
    for finding in findings { console.say(Self.text(finding)) }
    let code = try world.broadcast(value: findings.first { $0.verdict == .problem }?.exitCode ?? 0)
    console.say(Self.summary(findings))
    for census in censuses { console.say(census.text) }
    try world.collectively {
      if world.rank == 0, let json {
        try writeJSON(DoctorReport(exit_code: code, findings: findings, data: censuses), to: json)
      }
    }
    return code
  }

  /// Everything that a run would do in this order, without its work, and what its data hold; on rank 0.
  private func look(_ mpi: MPIEnvironment) throws -> ([Finding], [DataCensus]) {
    let context = try CheckContext(configuration, mpi: mpi)
    let start = try RunCheck.survey(RunCheck.atStart, context)
    ThreadPool.setThreadCount(context.threads?.threads ?? context.facts.shareOfCores)
    let survey = RunSurvey(context, output: output)
    let run = RunCheck.configuration + RunCheck.output(survey) + RunCheck.data(survey) + RunCheck.capacity(survey)
    return (start + (try RunCheck.survey(run + RunCheck.machine, context)), survey.censuses)
  }

  private static func text(_ finding: Finding) -> String {
    let head = "\(NumberText.left(finding.verdict.rawValue, 7))  \(NumberText.left(finding.check, 15))  "
    let margin = String(repeating: " ", count: head.count)
    let lines = finding.found.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n\(margin)")
    return head + lines + (finding.remedy.map { "\n\(margin)-> \($0)" } ?? "")
  }

  private static func summary(_ findings: [Finding]) -> String {
    let problems = findings.count { $0.verdict == .problem }
    let warnings = findings.count { $0.verdict == .warning }
    let found = "\(problems) problem\(problems == 1 ? "" : "s"), \(warnings) warning\(warnings == 1 ? "" : "s")"
    guard let first = findings.first(where: { $0.verdict == .problem }) else { return "\(found): a run can start" }
    return "\(found): a run would end with code \(first.exitCode)"
  }
}

/// What `--json` gets.
struct DoctorReport: Encodable {
  /// One finding.
  struct Line: Encodable {
    let check: String
    let verdict: String
    let exit_code: Int32
    let found: String
    let remedy: String?
  }

  let exit_code: Int32
  let findings: [Line]
  /// The training images, then the validation images, as far as they could be opened.
  let data: [DataCensus]

  init(exit_code: Int32, findings: [Finding], data: [DataCensus]) {
    (self.exit_code, self.data) = (exit_code, data)
    self.findings = findings.map {
      Line(
        check: $0.check, verdict: $0.verdict.rawValue, exit_code: $0.exitCode, found: $0.found, remedy: $0.remedy)
    }
  }
}

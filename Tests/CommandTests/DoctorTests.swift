import Foundation
import TestSupport
import Testing

/// Oracle: what `train` does with the same arguments, and the faults that the tests make themselves.
@Suite(.serialized) struct DoctorTests {
  private func doctor(_ space: Workspace, ranks: Int = 1, _ more: String..., environment: [String: String] = [:]) throws
    -> CommandResult
  {
    try space.program(ranks: ranks, ["doctor"] + space.train() + more, environment: environment)
  }

  private func lines(_ result: CommandResult, _ verdict: String) -> [Substring] {
    result.output.split(separator: "\n").filter { $0.hasPrefix(verdict) }
  }

  @Test("a run that can start has no problem, and nothing of the visit stays", arguments: [1, 2])
  func healthy(ranks: Int) throws {
    let space = try Workspace()
    let json = space.folder.file("doctor.json")
    let result = try doctor(space, ranks: ranks, "--json", json)
    #expect(result.exitCode == 0, "\(result)")
    #expect(lines(result, "problem").isEmpty && result.output.contains("0 problems, "), "\(result)")
    #expect(!FileManager.default.fileExists(atPath: space.folder.file("run")))
    for words in [
      "\(ranks) rank\(ranks == 1 ? "" : "s") on 1 host", " threads (", "8 images with ", "4 images with ",
      "decoded 8", "MB/s", "a run would start anew", "MiB needed at least",
    ] { #expect(result.output.contains(words), "\(words) in \(result)") }
    let data = try Data(contentsOf: URL(fileURLWithPath: json))
    let report = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(report["exit_code"] as? Int == 0)
    let findings = try #require(report["findings"] as? [[String: Any]])
    let checks = Set(findings.compactMap { $0["check"] as? String })
    #expect(
      checks.isSuperset(of: [
        "launch", "threads", "alike", "precision", "output", "cache", "batch", "training data", "validation data",
        "memory", "checkpoints", "start", "huge pages", "Open MPI",
      ]), "\(checks)")
  }

  static let mistakes =
    BadInputCase.data + BadInputCase.classification + BadInputCase.checkpoints + BadInputCase.outputs
    + BadInputCase.settings.suffix(1)
  static let names = mistakes.map(\.testDescription)

  @Test("what ends a run is a problem with the run's code", arguments: names)
  func asTrain(mistake name: String) throws {
    let mistake = try #require(Self.mistakes.first { $0.testDescription == name })
    let space = try Workspace()
    let arguments = try mistake.prepare(space)
    // Those of other commands, and what `doctor` has no option for.
    guard arguments[0].hasPrefix("--"), !arguments.contains("--resume") else { return }
    let result = try space.program(ranks: 1, ["doctor"] + arguments)
    #expect(result.exitCode == mistake.code, "\(result)")
    #expect(!lines(result, "problem").isEmpty && !result.timedOut, "\(result)")
    // All that is wrong is told, not only the first.
    #expect(result.output.contains("a run would end with code \(mistake.code)"), "\(result)")
  }

  @Test("faults that training bears are a warning with their counts and names", arguments: [1, 2])
  func faults(ranks: Int) throws {
    let space = try Workspace()
    try space.truncate(space.picture("train", 3))
    try space.remove(space.picture("train", 5))
    try space.replace("\"bbox\": [", "\"bbox\": [3, 3, 0, 4], \"was\": [", in: space.annotations("train"))
    let result = try doctor(space, ranks: ranks)
    #expect(result.exitCode == 0, "\(result)")
    let warning = try #require(lines(result, "warning").first { $0.contains("training data") }, "\(result)")
    #expect(warning.contains("1 boxes without area, 1 missing images, 1 unreadable images in the sample"), "\(result)")
    #expect(warning.contains("000005.jpg is missing"), "\(result)")
    // Every file is looked for, so that the objects of the missing one are none that training gets.
    let total = try space.read("train").annotations
    let gone = total.count { $0["image_id"] as? Int == 5 }
    let words = "\(total.count), \(total.count - gone - 1) used; dropped: \(gone) of missing images, 1 without area: "
    #expect(result.output.contains(words), "\(words) in \(result)")
  }

  @Test("pictures that evaluation would not find are a problem before the run")
  func missingValidation() throws {
    let space = try Workspace()
    try space.remove(space.picture("val", 2))
    let result = try doctor(space)
    #expect(result.exitCode == 65, "\(result)")
    #expect(lines(result, "problem").contains { $0.contains("1 missing images") && $0.contains("000002.jpg") })
    #expect(result.output.contains("-> evaluation leaves nothing out: supply sound files"), "\(result)")
  }

  @Test("a wrong launch is the first problem, and the rest is looked at all the same")
  func wrongLaunch() throws {
    let space = try Workspace()
    try space.remove(space.picture("val", 2))
    let result = try doctor(space, environment: ["SLURM_NTASKS": "4"])
    #expect(result.exitCode == 78, "\(result)")
    let problems = lines(result, "problem")
    #expect(problems.count == 2, "\(result)")
    let first = try #require(problems.first)
    #expect(first.contains("SLURM_NTASKS says 4 ranks") && first.contains("mpirun -np 4"))
  }

  @Test("narrow binding is a problem of both ranks, told once")
  func narrowBinding() throws {
    let space = try Workspace()
    let result = try run(
      ["mpirun", "-np", "2", "--bind-to", "core", Locations.program, "doctor"] + space.train(),
      environment: mpirunEnvironment.merging(space.trained.environment) { $1 }.merging(["OMP_NUM_THREADS": "2"]) { $1 })
    #expect(result.exitCode == 78, "\(result)")
    let problems = lines(result, "problem")
    #expect(problems.contains { $0.contains("asks for 2 threads") && $0.contains("mpirun -np 2") }, "\(result)")
  }

  @Test("a batch that no memory holds is a problem, not a crash")
  func memory() throws {
    let space = try Workspace()
    let result = try doctor(
      space, "--set", "batch.per_rank=65536", "--set", "data.kind=shapes", "--set",
      "data.shapes.train_images=8")
    #expect(result.exitCode == 65 || result.exitCode == 78, "\(result)")
    #expect(lines(result, "problem").contains { $0.contains("memory") && $0.contains("MiB needed") }, "\(result)")
  }

  @Test("a run that is there would go on")
  func resumption() throws {
    let space = try Workspace()
    _ = try space.copyOfRun()
    let result = try doctor(space)
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.contains("a run would go on after step 2"), "\(result)")
  }

  @Test("ranks with other programs or settings are not alike, and a run does not start")
  func unlike() throws {
    let space = try Workspace()
    let other = space.folder.file("other")
    // By a process of its own: a program that any process holds open for writing cannot be started, and a process that another
    // test starts meanwhile would hold what this one has open.
    let copying = try run(["sh", "-c", "cp \"$1\" \"$2\" && printf x >>\"$2\"", "sh", Locations.program, other])
    #expect(copying.exitCode == 0, "\(copying)")
    let arguments = space.train("--dry-run")
    func both(_ program: String, _ more: [String] = []) throws -> CommandResult {
      try runPrograms(
        [[Locations.program] + arguments, [program] + arguments + more], environment: space.trained.environment)
    }
    let programs = try both(other)
    programs.expectError(78, ["the ranks are not alike", "rank 1 on ", "differs from rank 0 in program"])
    let seeds = try both(Locations.program, ["--set", "random.seed=2"])
    seeds.expectError(78, ["differs from rank 0 in random.seed: expected \"1\", got \"2\""])
  }
}

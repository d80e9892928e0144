import Foundation
import TestSupport
import Testing

/// Oracle: the files of the run directory that the page is made of, read here on their own.
@Suite("Reports") struct ReportTests {
  private let trained: TrainedRun

  init() throws { trained = try TrainedRun.shared.get() }

  private func report(_ arguments: [String]) throws -> CommandResult {
    try runProgram(["report"] + arguments, environment: trained.environment)
  }

  /// What stands between the tags of a page's numbers, and their values.
  private func numbers(_ html: String) -> [String] {
    html.components(separatedBy: "<data value=\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
  }

  @Test("training has left a page, and the command makes the same one")
  func same() throws {
    let folder = try TemporaryDirectory("report")
    let run = folder.file("run")
    let training = try runProgram(
      ["--config", trained.configuration, "--set", "data.root=\(trained.data)", "--output", run],
      environment: trained.environment)
    #expect(training.exitCode == 0, "\(training)")
    let own = try String(contentsOfFile: "\(run)/report.html", encoding: .utf8)
    let result = try report([run, "--output", folder.file("r.html")])
    #expect(result.exitCode == 0 && result.output == "wrote \(folder.file("r.html"))\n", "\(result)")
    #expect(try String(contentsOfFile: folder.file("r.html"), encoding: .utf8) == own)
  }

  @Test("every figure of every evaluation is on the page with all its digits, and no script and no address")
  func figures() throws {
    let html = try String(contentsOfFile: "\(trained.run)/report.html", encoding: .utf8)
    let numbers = Set(numbers(html))
    let evaluations = try evaluationRows(of: trained.run)
    #expect(!evaluations.isEmpty && evaluations.allSatisfy { $0.count >= 15 })
    for (name, value) in evaluations.joined() where value != -1 {
      #expect(numbers.contains("\(value)"), "\(name) \(value)")
    }
    for words in ["<script", "http:", "https:"] { #expect(!html.contains(words), "\(words)") }
    for words in [
      "The first training samples", "data.shapes.size", "Curves", "Precision over recall", "finished",
      "data:image/jpeg;base64,",
    ] {
      #expect(html.contains(words), "\(words)")
    }
    #expect(html.utf8.count < 5 << 20)
  }

  @Test("a page that cannot be made is a warning that the history keeps, and half a line of the history is taken out")
  func robust() throws {
    let folder = try TemporaryDirectory("report")
    let run = folder.file("run")
    for directory in [run, "\(run)/report.html"] {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }
    try "{\"half".write(toFile: "\(run)/history.jsonl", atomically: false, encoding: .utf8)
    let training = try runProgram(
      ["--config", trained.configuration, "--set", "data.root=\(trained.data)", "--output", run],
      environment: trained.environment)
    #expect(training.exitCode == 0, "\(training)")
    let warnings = training.errorLines("warning: ").filter { $0.contains("the report is not complete: ") }
    #expect(warnings.count == 1, "\(training)")
    let history = try String(contentsOfFile: "\(run)/history.jsonl", encoding: .utf8).split(separator: "\n")
    let events = try history.map { line in
      try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    let kinds = events.compactMap { $0["kind"] as? String }
    #expect(kinds.count == history.count && kinds.contains("started") && kinds.contains("finished"), "\(history)")
    #expect(events.contains { ($0["text"] as? String)?.contains("the report is not complete") == true }, "\(history)")
    try FileManager.default.removeItem(atPath: "\(run)/report.html")
    #expect(try report([run]).exitCode == 0)
  }

  @Test("every figure of evaluate --json is on the page with all its digits")
  func evaluated() throws {
    let folder = try TemporaryDirectory("report")
    let result = try runProgram(
      ["evaluate", "--checkpoint", trained.run, "--json", folder.file("figures.json")], environment: trained.environment
    )
    try #require(result.exitCode == 0, "\(result)")
    struct Figures: Decodable {
      let val_loss: Double
      let val_loss_class: Double
      let val_loss_box: Double
      let stats: [String: Double]
      let per_class_AP: [String: Double]
    }
    let file = try Data(contentsOf: URL(fileURLWithPath: folder.file("figures.json")))
    let figures = try JSONDecoder().decode(Figures.self, from: file)
    #expect(figures.stats.count == 12 && figures.per_class_AP.count == 5)
    let losses = [figures.val_loss, figures.val_loss_class, figures.val_loss_box]
    let numbers = Set(numbers(try String(contentsOfFile: "\(trained.run)/report.html", encoding: .utf8)))
    for value in losses + figures.stats.values + figures.per_class_AP.values where value != -1 {
      #expect(numbers.contains("\(value)"), "\(value)")
    }
  }

  @Test("a stop and a restart are marks of the curves, and a benchmark in the run directory is a table")
  func events() throws {
    let folder = try TemporaryDirectory("report")
    let run = folder.file("run")
    let arguments = [
      "--config", trained.configuration, "--set", "data.root=\(trained.data)", "--set", "train.length=4 steps",
      "--output", run,
    ]
    let first = try runProgram(arguments + ["--inject", "stop:rank=0,step=2"], environment: trained.environment)
    #expect(first.exitCode == 75, "\(first)")
    let second = try runProgram(arguments, environment: trained.environment)
    #expect(second.exitCode == 0, "\(second)")
    let page = try String(contentsOfFile: "\(run)/report.html", encoding: .utf8)
    let marks = page.components(separatedBy: "<path class=\"mark\"").dropFirst()
    let titles = Set(marks.compactMap { $0.components(separatedBy: "</title>").first })
    #expect(titles.count == 1 && titles.first?.contains(#/<title>step \d: stopped; /#) == true, "\(titles)")
    #expect(titles.first?.contains("resumed") == true, "\(titles)")
    #expect(page.contains(#/>S\w*</text>/#) && page.contains("R resumed, S stopped"))
    #expect(!page.contains("Operations of a step"))

    let bench = try runProgram(
      [
        "bench", "--config", "\(run)/config.yaml", "--set", "bench.input=synthetic", "--steps", "1", "--warmup", "0",
        "--json", "\(run)/bench.json",
      ], environment: trained.environment)
    #expect(bench.exitCode == 0, "\(bench)")
    #expect(try report([run]).exitCode == 0)
    let operations = try String(contentsOfFile: "\(run)/report.html", encoding: .utf8)
    #expect(operations.contains("Operations of a step") && operations.contains("<td>batch-norm</td>"))
    try "{}".write(toFile: "\(run)/bench.json", atomically: true, encoding: .utf8)
    try report([run]).expectError(65, ["bench.json: expected the figures of bench --json"])
  }

  @Test("two runs give one page with their results side by side")
  func comparison() throws {
    let folder = try TemporaryDirectory("report")
    try FileManager.default.copyItem(atPath: trained.run, toPath: folder.file("copy"))
    let result = try report([trained.run, folder.file("copy"), "--output", folder.file("c.html")])
    #expect(result.exitCode == 0, "\(result)")
    let html = try String(contentsOfFile: folder.file("c.html"), encoding: .utf8)
    #expect(html.contains("2 runs") && html.contains("All keys of all runs are the same."))
    #expect(html.contains("Over the seeds"))
  }

  @Test("runs are listed with their state and their figures, other folders are passed over")
  func list() throws {
    let folder = try TemporaryDirectory("runs")
    try FileManager.default.copyItem(atPath: trained.run, toPath: folder.file("a"))
    try FileManager.default.createDirectory(atPath: folder.file("no run"), withIntermediateDirectories: false)
    let result = try runProgram(["runs", folder.path])
    #expect(result.exitCode == 0, "\(result)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].hasPrefix("run ") && lines[1].hasPrefix(folder.file("a")), "\(result)")
    let last = try String(contentsOfFile: folder.file("a/metrics.jsonl"), encoding: .utf8).split(separator: "\n")
      .compactMap { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
      .last { $0["evaluation_seconds"] != nil }
    let precision = try #require(last?["AP"] as? Double)
    #expect(lines[1].contains("finished") && lines[1].contains(String(format: "%.4f", precision)), "\(result)")
    try runProgram(["runs", folder.file("none")]).expectError(66, ["/none: expected a folder of runs"])
    #expect(try runProgram(["runs", folder.file("no run")]).output == "no run in \(folder.file("no run"))\n")
  }

  @Test("bad input has its code and one message")
  func mistakes() throws {
    let folder = try TemporaryDirectory("report")
    try FileManager.default.copyItem(atPath: trained.run, toPath: folder.file("bad"))
    let metrics = folder.file("bad/metrics.jsonl")
    let good = try String(contentsOfFile: metrics, encoding: .utf8)
    try report([folder.file("none")]).expectError(66, ["/none: expected a run directory, found none"])
    try report([folder.path]).expectError(66, ["found no config.yaml in it"])
    try report([trained.run, trained.run]).expectError(64, ["--output: expected the file of the page of 2 runs"])
    try report([]).expectError(64, ["run"])
    try "not a row\n\(good)".write(toFile: metrics, atomically: true, encoding: .utf8)
    try report([folder.file("bad")]).expectError(65, ["metrics.jsonl:1: expected a line as runs write them"])
    try report([trained.run, "--output", "/proc/self/r.html"]).expectError(73, ["/proc/self/r.html"])
    // The last line of a run that goes on may be half written.
    try "\(good){\"step\": 9".write(toFile: metrics, atomically: true, encoding: .utf8)
    #expect(try report([folder.file("bad"), "--output", folder.file("r.html")]).exitCode == 0)
  }
}

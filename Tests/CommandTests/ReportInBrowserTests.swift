import Foundation
import TestSupport
import Testing

/// Oracle: Chromium, and the files of the run directory.
@Suite("Reports in a browser", .serialized, .enabled(if: Browser.isWanted, Comment(rawValue: Browser.reason)))
struct ReportInBrowserTests {
  /// Opens a page wide and narrow, light and dark; what is true of any page must be true of it.
  private func open(_ page: String) throws -> [BrowserView] {
    let (light, dark) = (
      try Browser.open(page, widths: [1200, 390], isDark: false),
      try Browser.open(page, widths: [1200, 390], isDark: true)
    )
    #expect(light.console.isEmpty && dark.console.isEmpty, "\(light.console + dark.console)")
    for view in light.views + dark.views {
      #expect(view.contentWidth <= view.frameWidth && view.contentHeight > 1000, "\(view)")
      #expect(view.decodedPictures == view.pictures, "\(view)")
      #expect(view.plots > 0 && view.drawnPlots > 0 && view.wordsOutsidePlots.isEmpty, "\(view)")
      #expect(view.background != view.foreground, "\(view)")
    }
    #expect(
      light.views[0].background != dark.views[0].background && light.views[0].foreground != dark.views[0].foreground)
    return light.views
  }

  /// The figures of the last evaluation of a run, without those that there are none of.
  private func lastFigures(_ run: String) throws -> [String: Double] {
    try #require(evaluationRows(of: run).last).filter { $0.value != -1 }
  }

  private func train(_ arguments: [String], in folder: TemporaryDirectory) throws -> String {
    let run = folder.file("run")
    let result = try runProgram(
      arguments + ["--output", run, "--set", "planner.algorithms=direct"],
      environment: ["DROPBLOCK_CACHE": folder.file("cache"), "DROPBLOCK_DATA": "\(Locations.shared ?? "")/data"])
    try #require(result.exitCode == 0, "\(result)")
    return run
  }

  @Test("the page of a detector of generated shapes")
  func shapes() throws {
    let run = try TrainedRun.shared.get().run
    let view = try open("\(run)/report.html")[0]
    #expect(view.pictures > 0 && view.headings.contains("Where a step goes"), "\(view.headings)")
    for (name, value) in try lastFigures(run) {
      #expect(view.numbers.contains("\(value)"), "\(name) \(value)")
    }
  }

  @Test(
    "the page of a detector of blood cells",
    .enabled(if: Locations.shared != nil, "needs the blood cells of the shared data"))
  func bloodCells() throws {
    let folder = try TemporaryDirectory("browser")
    let run = try train(
      [
        "--config", "\(Locations.packageRoot)/configs/retinanet-bccd.yaml", "--set", "model.depth=18", "--set",
        "input.size=96",
        "--set", "input.evaluation.size=96", "--set", "batch.global=2", "--set", "train.length=3 steps",
        "--set", "learning_rate.warmup=0 steps", "--set", "train.log_every=1",
      ], in: folder)
    let view = try open("\(run)/report.html")[0]
    #expect(view.pictures > 0 && view.headings.contains("Evaluation"), "\(view.headings)")
    for (name, value) in try lastFigures(run) {
      #expect(view.numbers.contains("\(value)"), "\(name) \(value)")
    }
  }

  @Test(
    "the page of a classifier of CIFAR-10", .enabled(if: Locations.shared != nil, "needs CIFAR-10 of the shared data"))
  func cifar10() throws {
    let folder = try TemporaryDirectory("browser")
    let data = "\(Locations.shared ?? "")/data/cifar10/data_batch_"
    let run = try train(
      [
        "--config", "\(Locations.packageRoot)/configs/cifar10/customnet-dropblock3.yaml", "--set",
        "data.train.files=\(data)1.bin.xz", "--set", "data.val.files=\(data)4.bin.xz", "--set", "train.length=2 steps",
        "--set", "train.log_every=1",
      ], in: folder)
    let view = try open("\(run)/report.html")[0]
    for (name, value) in try lastFigures(run) {
      #expect(view.numbers.contains("\(value)"), "\(name) \(value)")
    }
  }

  @Test("the page of three runs that are seeds of one")
  func comparison() throws {
    let trained = try TrainedRun.shared.get()
    let folder = try TemporaryDirectory("browser")
    let runs = try (1...3).map { seed in
      let run = folder.file("run-seed\(seed)")
      let result = try runProgram(
        [
          "--config", trained.configuration, "--set", "data.root=\(trained.data)", "--output", run, "--set",
          "random.seed=\(seed)",
        ], environment: trained.environment)
      try #require(result.exitCode == 0, "\(result)")
      return run
    }
    let page = folder.file("comparison.html")
    let result = try runProgram(["report"] + runs + ["--output", page])
    try #require(result.exitCode == 0, "\(result)")
    let view = try open(page)[0]
    for run in runs {
      let loss = try #require(lastFigures(run)["val_loss"])
      #expect(view.numbers.contains("\(loss)"), "\(run) \(loss)")
    }
  }

  @Test("what a page does wrong is seen: a script that fails, a picture that is none, and more width than there is")
  func isSeen() throws {
    let folder = try TemporaryDirectory("browser")
    let page = try folder.write(
      """
      <!doctype html><meta charset="utf-8"><body><div style="width: 700px">wide</div>
      <img src="data:image/png;base64,AAAA"><svg width="50" height="20"><text x="45" y="15">words</text></svg>
      <script>console.error("broken")</script></body>
      """, to: "page.html")
    let (views, console) = try Browser.open(page, widths: [1200, 390], isDark: false)
    #expect(console.contains { $0.contains("broken") }, "\(console)")
    #expect(views[0].contentWidth <= views[0].frameWidth && views[1].contentWidth > views[1].frameWidth, "\(views)")
    #expect(
      views[0].pictures == 1 && views[0].decodedPictures == 0 && views[0].wordsOutsidePlots == ["words"], "\(views)")
  }
}

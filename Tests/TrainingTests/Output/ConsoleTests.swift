import Tensors
import Synchronization
import TestSupport
import Testing

@testable import Training

/// Oracle: the text that a user must read.
@Suite struct ConsoleTests {
  /// Collects what a console writes, by descriptor.
  final class Sink: Sendable {
    let bytes = Mutex<[(descriptor: Int32, text: String)]>([])

    /// A console that writes here.
    func console(_ style: ConsoleStyle) -> Console {
      Console(style: style) { descriptor, bytes in
        self.bytes.withLock { $0.append((descriptor, String(decoding: bytes, as: UTF8.self))) }
      }
    }

    /// Everything written to a descriptor.
    func text(_ descriptor: Int32) -> String {
      bytes.withLock { $0.filter { $0.descriptor == descriptor }.map(\.text).joined() }
    }
  }

  @Test("a plain console prints a line for each recorded step")
  func plain() throws {
    let sink = Sink()
    let console = sink.console(.plain)
    console.tick(MetricsTests.step, totalSteps: 100, secondsLeft: 3725)
    console.progress(MetricsTests.step, totalSteps: 100, secondsLeft: 3725)
    #expect(
      sink.text(1) == "step  20/100  epoch 0.10  loss 1.5000 (class 1.2500, box 0.2500)  rate 0.0000100  "
        + "12.5 images/s  left 1:02:05\n")
  }

  @Test("a live console redraws a bar that fits, and puts lines above it", arguments: [20, 40, 60, 80, 200])
  func live(columns: Int) throws {
    let sink = Sink()
    let console = sink.console(.live(columns: columns))
    console.progress(MetricsTests.step, totalSteps: 100, secondsLeft: 65)
    console.say("evaluation")
    console.clearBar()
    let drawn = sink.text(1).split(separator: "\r").map { $0.replacing("\u{1B}[K", with: "") }
    #expect(drawn.allSatisfy { $0.split(separator: "\n").allSatisfy { $0.count < columns } })
    #expect(sink.text(1).contains("\u{1B}[Kevaluation\n"))
    #expect(sink.text(1).hasSuffix("\r\u{1B}[K"))
    if columns == 80 {
      #expect(drawn.first == "[######........................]  20/100  loss 1.5000  12.5 images/s  left 1:05")
    }
  }

  @Test("the log gets the plain lines, whatever the console draws")
  func log() throws {
    let folder = try TemporaryDirectory()
    var texts: [String] = []
    for style in [ConsoleStyle.plain, .live(columns: 80)] {
      let path = folder.file("log\(texts.count).txt")
      let console = Sink().console(style)
      console.warn("before there was a log")
      console.mirror(to: try AppendingFile(path: path))
      console.header("a run", [("model", "RetinaNet"), ("data", "shapes")])
      console.progress(MetricsTests.step, totalSteps: 100, secondsLeft: 1)
      console.tick(MetricsTests.step, totalSteps: 100, secondsLeft: 1)
      console.warn("careful")
      texts.append(try String(contentsOfFile: path, encoding: .utf8))
    }
    #expect(texts[0] == texts[1])
    let start = "warning: before there was a log\na run\n  model  RetinaNet\n  data   shapes\nstep  20/100 "
    #expect(texts[0].hasPrefix(start))
    #expect(texts[0].hasSuffix("left 0:01\nwarning: careful\n"))
  }

  @Test("warnings go to standard error")
  func warnings() {
    let sink = Sink()
    let console = sink.console(.plain)
    console.warn("one")
    console.say("two")
    #expect(sink.text(2) == "warning: one\n")
    #expect(sink.text(1) == "two\n")
  }

  @Test("a silent console writes nothing")
  func silent() {
    let sink = Sink()
    let console = sink.console(.silent)
    console.say("a")
    console.warn("b")
    console.progress(MetricsTests.step, totalSteps: 1, secondsLeft: 0)
    console.tick(MetricsTests.step, totalSteps: 1, secondsLeft: 0)
    console.clearBar()
    #expect(sink.text(1).isEmpty && sink.text(2).isEmpty)
  }

  @Test("a bar is drawn on a real terminal without a launcher, or when a launch script asks")
  func styles() {
    let mpirun = ["OMPI_COMM_WORLD_SIZE": "2"]
    let cases: [(rank: Int, environment: [String: String], columns: Int?, style: ConsoleStyle)] = [
      (0, [:], nil, .plain), (0, [:], 120, .live(columns: 120)), (0, [:], 0, .plain), (1, [:], 120, .silent),
      (0, mpirun, 0, .plain), (0, mpirun, 120, .plain), (1, mpirun, 0, .silent),
      (0, mpirun.merging(["DROPBLOCK_LIVE": "1"]) { $1 }, 0, .live(columns: 80)),
      (0, mpirun.merging(["DROPBLOCK_LIVE": "1", "COLUMNS": "132"]) { $1 }, 0, .live(columns: 132)),
      (1, mpirun.merging(["DROPBLOCK_LIVE": "1"]) { $1 }, 0, .silent),
      (0, ["SLURM_STEP_ID": "0"], 120, .plain), (0, ["DROPBLOCK_LIVE": "0"], 120, .plain),
    ]
    for (rank, environment, columns, style) in cases {
      #expect(ConsoleStyle(rank: rank, environment: environment, terminalColumns: columns) == style)
    }
  }

  @Test("the evaluation table shows figures under their names and classes by falling precision")
  func table() {
    let table = EvaluationTable(
      figures: [
        ("AP", 0.3649), ("AP50", 0.55), ("AP75", 0.391), ("APs", -1), ("APm", 0), ("APl", 1), ("AR1", 0.5),
        ("val_loss", 15_254_816.5968),
      ], classes: [("square", 0.5), ("disc", -1), ("star", 0.75)])
    #expect(
      table.text == """
              AP    AP50    AP75     APs     APm     APl
           0.365   0.550   0.391       -   0.000   1.000
             AR1      val_loss
           0.500  15254816.597
          star     0.750  square   0.500
        """)
  }

  @Test("numbers keep three digits, durations their largest units")
  func numbers() {
    let numbers = [0.0: "0", 0.00123: "0.00123", 0.012: "0.0120", 1.234: "1.23", 31.26: "31.3", 1234.5: "1234"]
    for (value, text) in numbers { #expect(NumberText.significant(value) == text) }
    #expect(NumberText.significant(1.234e-7) == "1.23e-07")
    let durations = [0.0: "0:00", 59.6: "1:00", 3599: "59:59", 3600: "1:00:00", 90_061: "1 d 01:01"]
    for (seconds, text) in durations { #expect(NumberText.duration(seconds) == text) }
    #expect(NumberText.duration(.infinity) == "unknown")
  }

  @Test("the time left follows the mean step time and forgets the far past")
  func timeLeft() {
    var estimate = TimeLeft()
    #expect(estimate.seconds(forSteps: 10) == .infinity)
    estimate.record(steps: 1, seconds: 2)
    #expect(abs(estimate.seconds(forSteps: 10) - 20) < 1e-9)
    // After one half-life at 4 seconds a step, the old 2 seconds have at most half of the weight.
    for _ in 0..<10 { estimate.record(steps: 10, seconds: 40) }
    #expect((3.9...4).contains(estimate.seconds(forSteps: 1)))
    for _ in 0..<100 { estimate.record(steps: 10, seconds: 10) }
    #expect((1...1.01).contains(estimate.seconds(forSteps: 1)))
  }
}

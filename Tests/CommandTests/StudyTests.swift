import Foundation
import TestSupport
import Testing

/// `launch/study` on a classifier in miniature.
@Suite struct StudyTests {
  @Test("a study trains every file and line, goes on where it stopped, and writes one table")
  func study() throws {
    let folder = try TemporaryDirectory("study")
    var bytes: [UInt8] = []
    for record in 0..<16 { bytes += [UInt8(record % 10)] + [UInt8](repeating: UInt8(16 * record), count: 3072) }
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file("data.bin")))
    try FileManager.default.createDirectory(atPath: folder.file("rows"), withIntermediateDirectories: true)
    _ = try folder.write(
      """
      data: {kind: cifar10, train: {files: [../data.bin]}, val: {files: [../data.bin]}}
      input: {size: 32}
      model: {name: customnet, form: paper, classes: 10}
      dropblock: {groups: []}
      batch: {global: 8}
      learning_rate: {warmup: 0 steps, schedule: cosine}
      planner: {algorithms: direct}
      train: {length: 4 epochs, evaluate_every: 2 epochs}

      """, to: "rows/base.yaml")
    _ = try folder.write("base: base.yaml\nname: plain\n", to: "rows/plain.yaml")
    _ = try folder.write("# A sweep.\nslow plain.yaml --set learning_rate.peak=0.01\n", to: "rows/rates.sweep")
    func run(_ more: [String], paths: [String] = ["rows", "rows/rates.sweep"]) throws -> CommandResult {
      try TestSupport.run(
        ["python3", "\(Locations.packageRoot)/launch/study"] + paths.map { folder.file($0) }
          + ["--seeds", "1,2", "--threads", "1", "--output", folder.file("out")] + more,
        environment: [
          "DROPBLOCK_PROGRAM": Locations.program, "DROPBLOCK_CACHE": folder.file("cache"), "DROPBLOCK_DATA": "",
        ])
    }

    // The time is over once the first run has begun, which then stops with a checkpoint and resumes from it; it stands still
    // for longer than the time.
    let stopped = try run(["--minutes", "0.05", "--", "--inject", "stall:rank=0,step=2,seconds=6"])
    #expect(stopped.exitCode == 75 && stopped.output.contains("0 of 4 runs are finished"), "\(stopped)")
    let finished = try run([])
    #expect(finished.exitCode == 0 && finished.output.contains("4 of 4 runs are finished"), "\(finished)")
    #expect(finished.output.components(separatedBy: "resuming from").count == 2, "\(finished)")
    let again = try run([])
    #expect(again.exitCode == 0 && !again.output.contains("study: plain"), "\(again)")

    let table = try String(contentsOfFile: folder.file("out/table.csv"), encoding: .utf8).split(separator: "\r\n")
    #expect(table.map { $0.split(separator: ",")[0] } == ["configuration", "plain", "slow"], "\(table)")
    #expect(table[1].split(separator: ",")[1...2] == ["2", "4/4"], "\(table)")
    let markdown = try String(contentsOfFile: folder.file("out/table.md"), encoding: .utf8)
    #expect(markdown.contains("| plain | 2 | 4/4 | 0.") && !markdown.contains("unfinished"), "\(markdown)")
    #expect(try String(contentsOfFile: folder.file("out/plot.svg"), encoding: .utf8).contains("<polyline"))

    // Runs that something else has started, into the same table.
    let runs = ["plain-seed1", "plain-seed2", "slow-seed1"].map { folder.file("out/\($0)") }
    let collected = try TestSupport.run(
      ["python3", "\(Locations.packageRoot)/launch/study", "--collect", "--output", folder.file("collected")] + runs)
    #expect(collected.exitCode == 0 && collected.output.contains("3 of 3 runs are finished"), "\(collected)")
    let rows = try String(contentsOfFile: folder.file("collected/table.csv"), encoding: .utf8).split(separator: "\r\n")
    #expect(rows[1] == table[1] && rows[2].hasPrefix("slow,1,4,"), "\(rows)")
    let twins = try TestSupport.run(
      ["python3", "\(Locations.packageRoot)/launch/study", "--collect", runs[0], runs[0]])
    #expect(twins.exitCode == 78 && twins.errorOutput.contains("would be one row"), "\(twins)")
    let nothing = try TestSupport.run(
      ["python3", "\(Locations.packageRoot)/launch/study", "--collect", folder.file("rows")])
    #expect(nothing.exitCode == 1 && nothing.errorOutput.contains("no run directory"), "\(nothing)")

    // Results of other options, or of another row of that name, are nobody's.
    let other = try run(["--", "--set", "learning_rate.peak=0.02"])
    #expect(other.exitCode == 78 && other.errorOutput.contains("was finished with another configuration"), "\(other)")
    try FileManager.default.createDirectory(atPath: folder.file("others"), withIntermediateDirectories: true)
    _ = try folder.write("base: ../rows/base.yaml\n", to: "others/plain.yaml")
    let twice = try run([], paths: ["rows", "others"])
    #expect(twice.exitCode == 78 && twice.errorOutput.contains("are both called plain"), "\(twice)")
    for line in ["../up plain.yaml", "alone", "it's plain.yaml"] {
      _ = try folder.write("\(line)\n", to: "rows/wrong.sweep")
      let wrong = try run([], paths: ["rows/wrong.sweep"])
      #expect(wrong.exitCode == 78 && wrong.errorOutput.hasPrefix("launch/study: "), "\(wrong)")
    }
    // A row that fails does not keep the next one from its turn.
    _ = try folder.write("base: ../rows/base.yaml\ndata: {train: {files: [none.bin]}}\n", to: "others/a.yaml")
    let failed = try run(["--output", folder.file("others/out")], paths: ["others"])
    #expect(failed.exitCode == 66 && failed.output.contains("2 of 4 runs are finished"), "\(failed)")

    let missing = try TestSupport.run(["python3", "\(Locations.packageRoot)/launch/study", folder.file("nowhere")])
    #expect(missing.exitCode == 1 && missing.errorOutput.contains("no such file or folder"), "\(missing)")
  }

  @Test("ranks that leave cores to other studies are not bound to the first ones")
  func binding() throws {
    let folder = try TemporaryDirectory("binding")
    _ = try folder.write("data: {kind: shapes}\n", to: "shapes.yaml")
    try folder.install(script: "echo 4", as: "bin/nproc")
    try folder.install(script: "exit 1", as: "bin/lscpu")
    try folder.install(script: "echo stand-in: \"$*\"; exit 70", as: "bin/mpirun")
    for (options, expected) in [
      (["--ranks", "2"], "-np 2 -x OMP_NUM_THREADS=2 --map-by ppr:2:node:pe=2 --bind-to core "),
      (["--ranks", "2", "--threads", "1"], "-np 2 -x OMP_NUM_THREADS=1 --bind-to none "),
      (["--ranks", "2", "--threads", "2"], "-np 2 -x OMP_NUM_THREADS=2 --map-by ppr:2:node:pe=2 --bind-to core "),
      (["--threads", "8"], "-np 1 -x OMP_NUM_THREADS=8 --oversubscribe --bind-to none "),
    ] {
      let studied = try run(
        [
          "python3", "\(Locations.packageRoot)/launch/study", folder.file("shapes.yaml"), "--output",
          folder.file("out"),
        ]
          + options,
        environment: [
          "DROPBLOCK_PROGRAM": Locations.program,
          "PATH": folder.searchPath,
        ])
      #expect(studied.exitCode == 70 && studied.output.contains("stand-in: \(expected)"), "\(studied)")
    }
  }

  @Test(
    "a terminal that closes, like Ctrl-C, asks the ranks for a checkpoint", arguments: ["HUP", "INT", "TERM", "USR1"])
  func stop(signal: String) throws {
    let folder = try TemporaryDirectory("stop")
    _ = try folder.write("data: {kind: shapes}\n", to: "shapes.yaml")
    try folder.install(
      script: """
        (trap 'exit 75' USR1; while :; do sleep 0.1; done) &
        trap 'kill -USR1 $!; wait $!; exit $?' USR1
        kill -\(signal) $PPID
        while :; do wait; done
        """, as: "bin/mpirun")
    let studied = try run(
      [
        "env", "--default-signal=\(signal)", "python3", "\(Locations.packageRoot)/launch/study",
        folder.file("shapes.yaml"), "--output", folder.file("out"),
      ],
      environment: [
        "DROPBLOCK_PROGRAM": Locations.program,
        "PATH": folder.searchPath,
      ])
    #expect(studied.exitCode == 75 && studied.output.contains("0 of 1 runs are finished"), "\(studied)")
  }

  @Test("a study of detectors tells AP, AP50, AP75, validation and training loss as the runs' metrics have them")
  func detectors() throws {
    let folder = try TemporaryDirectory("detectors")
    _ = try folder.write(
      """
      data: {kind: shapes, shapes: {size: 64, train_images: 8, val_images: 4}}
      input: {size: 64, evaluation: {size: 64}}
      model: {form: paper, depth: 18, classes: 5}
      dropblock: {groups: []}
      batch: {global: 4}
      planner: {algorithms: direct}
      train: {length: 10 steps, evaluate_every: 5 steps, log_every: 1}

      """, to: "shapes.yaml")
    let studied = try TestSupport.run(
      [
        "python3", "\(Locations.packageRoot)/launch/study", folder.file("shapes.yaml"), "--seeds", "1,2", "--threads",
        "1", "--output", folder.file("out"),
      ],
      environment: [
        "DROPBLOCK_PROGRAM": Locations.program, "DROPBLOCK_CACHE": folder.file("cache"), "DROPBLOCK_DATA": "",
      ])
    #expect(studied.exitCode == 0 && studied.output.contains("2 of 2 runs are finished"), "\(studied)")

    let rows = try [1, 2].map { seed in
      try String(contentsOfFile: folder.file("out/shapes-seed\(seed)/metrics.jsonl"), encoding: .utf8)
        .split(separator: "\n").map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:] }
    }
    let table = try String(contentsOfFile: folder.file("out/table.csv"), encoding: .utf8).split(separator: "\r\n")
      .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    let told = Dictionary(uniqueKeysWithValues: zip(table[0], table[1]).filter { $0.0 != "spread" })
    let evaluations = rows.map { $0.filter { $0["AP"] != nil } }
    #expect(evaluations.map(\.count) == [2, 2])
    func mean(_ values: [Double]) -> String { String(format: "%.4f", values.reduce(0, +) / Double(values.count)) }
    for name in ["AP50", "AP75", "val_loss"] {
      #expect(told[name] == mean(evaluations.map { $0[1][name] as? Double ?? .nan }), "\(name): \(table)")
    }
    #expect(told["last AP"] == mean(evaluations.map { $0[1]["AP"] as? Double ?? .nan }), "\(table)")
    #expect(
      told["best AP"] == mean(evaluations.map { $0.compactMap { $0["AP"] as? Double }.max() ?? .nan }), "\(table)")
    // The last tenth of 10 steps is the last one.
    let losses = rows.map { $0.compactMap { $0["loss"] as? Double } }
    #expect(losses.map(\.count) == [10, 10])
    #expect(told["loss"] == mean(losses.map { $0[9] }), "\(table)")
    let markdown = try String(contentsOfFile: folder.file("out/table.md"), encoding: .utf8)
    #expect(
      markdown.hasPrefix("| configuration | seeds | epochs | last AP | best AP | AP50 | AP75 | val_loss | loss | |\n"),
      "\(markdown)")
  }
}

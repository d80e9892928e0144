import Foundation
import TestSupport
import Testing

/// Oracle: the documented fields and codes, closed forms, and what a collective implies.
@Suite(.serialized) struct BenchCommandTests {
  /// A detector that takes a fraction of a second a step.
  private static let tiny = [
    "bench", "--set", "model.depth=18", "--set", "input.size=128", "--set", "model.classes=3", "--set",
    "planner.algorithms=direct", "--set", "distributed.bucket_bytes=4000000",
  ]

  private func object(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test("the figures have the documented fields and agree with each other")
  func figures() throws {
    let folder = try TemporaryDirectory("bench")
    let result = try runProgram(
      Self.tiny + ["--steps", "3", "--warmup", "0", "--json", folder.file("figures.json")],
      environment: ["OMP_NUM_THREADS": "1", "DROPBLOCK_DATA": ""])
    #expect(result.exitCode == 0, "\(result)")
    let figures = try object(folder.file("figures.json"))
    #expect(
      Set(figures.keys) == [
        "model", "image_size", "precision", "ranks", "threads_per_rank", "batch_per_rank", "steps",
        "images_per_second", "step_seconds", "peak_rss_bytes", "regularizer_seconds", "allreduce", "data_seconds",
        "floor", "operations", "methods", "communication",
      ])
    #expect(figures["image_size"] as? [Int] == [128, 128])
    #expect(figures["precision"] as? String == "f32")
    for (key, value) in ["ranks": 1, "threads_per_rank": 1, "batch_per_rank": 2, "steps": 3] {
      #expect(figures[key] as? Int == value, "\(key)")
    }
    let step = try #require(figures["step_seconds"] as? [String: Double])
    let (shortest, median, longest) = (
      try #require(step["min"]), try #require(step["median"]), try #require(step["max"])
    )
    #expect(step.count == 3 && 0 < shortest && shortest <= median && median <= longest)
    #expect(abs(try #require(figures["images_per_second"] as? Double) * median - 2) < 1e-9)
    #expect(figures["regularizer_seconds"] as? Double == 0, "DropBlock is off")
    #expect((figures["data_seconds"] as? Double ?? 1) < median / 100)
    // Parameters, gradients and momentum alone have 3 x 4 x 20 million bytes.
    #expect((figures["peak_rss_bytes"] as? Int ?? 0) > 240_000_000)
    let allreduce = try #require(figures["allreduce"] as? [String: Double])
    #expect(Set(allreduce.keys) == ["bytes", "seconds", "exposed_seconds"])
    #expect(allreduce["bytes"] == 0 && allreduce["seconds"] == 0, "one rank has nobody to tell")

    let communication = try #require(figures["communication"] as? [String: Any])
    #expect(
      Set(communication.keys) == [
        "nodes", "ranks_per_node", "passes", "summation", "bucket_bytes", "compute_seconds", "pass_seconds",
        "poll_seconds", "buckets", "rank_sums", "costs", "further_rank_bytes", "checkpoint_bytes",
      ])
    let pass = try #require(communication["pass_seconds"] as? Double)
    let polls = try #require(communication["poll_seconds"] as? [Double])
    let buckets = try #require(communication["buckets"] as? [[String: Any]])
    let ready = buckets.compactMap { $0["ready_seconds"] as? Double }
    let updates = buckets.compactMap { $0["update_seconds"] as? Double }
    #expect(communication["summation"] as? String == "ring" && communication["bucket_bytes"] as? Int == 4_000_000)
    #expect(
      polls == polls.sorted() && ready == ready.sorted() && ready.count == buckets.count
        && updates.allSatisfy { $0 > 0 })
    #expect(
      buckets.count > 10 && polls.count > buckets.count && (ready + polls).allSatisfy { $0 > 0 && $0 <= pass * 1.001 })
    // 20 million parameters of four bytes; all of a step is the pass and the update.
    #expect(buckets.reduce(0) { $0 + ($1["bytes"] as? Int ?? 0) } > 70_000_000)
    let compute = try #require(communication["compute_seconds"] as? Double)
    #expect(compute <= longest && abs(pass + updates.reduce(0, +) - compute) < 0.1 * compute)
    #expect((communication["checkpoint_bytes"] as? Int ?? 0) > 140_000_000)
    let costs = try #require(communication["costs"] as? [String: Double])
    #expect(costs.count == 6 && costs.allSatisfy { $0.value > 0 || $0.key == "message_seconds" })

    let floor = try #require(figures["floor"] as? [String: Double])
    let (limit, least) = (floor["multiplier_gflops"] ?? 0, floor["seconds"] ?? 0)
    // No processor does less than a multiplication in ten nanoseconds, and no step beats its arithmetic.
    #expect(floor.count == 3 && limit > 0.2 && least > 0 && least < median)
    #expect(abs((floor["percent"] ?? 0) - least / median * 100) < 1e-9)

    let operations = try #require(figures["operations"] as? [[String: Any]])
    for operation in operations {
      #expect(Set(operation.keys) == ["name", "pass", "kind", "algorithm", "seconds", "gflops", "is_reference"])
    }
    // A 3x3 convolution of 64 to 64 channels on 32 x 32, two images, two operations a multiply-add.
    let convolution = try #require(
      operations.first {
        $0["name"] as? String == "backbone.body.layer1.0.conv1" && $0["pass"] as? String == "forward"
      })
    let (seconds, rate) = (convolution["seconds"] as? Double ?? 0, convolution["gflops"] as? Double ?? 0)
    let work = Double(2 * 2 * 64 * 64 * 9 * 32 * 32)
    #expect(abs(seconds * rate * 1e9 - work) < 1e-6 * work)
    #expect((convolution["algorithm"] as? String ?? "").contains("direct"))
    for kind in ["SGD", "targets", "wait for data", "focal loss", "batch-norm"] {
      #expect(operations.contains { $0["kind"] as? String == kind }, "\(kind)")
    }
    let explained = try #require(result.output.firstMatch(of: /the table explains ([0-9.]+) %/))
    let share = try #require(Double(explained.output.1))
    // Spans never overlap, so they cannot explain more than the step; gaps of a busy machine stay below a tenth.
    #expect(share > 90 && share <= 100.05, "\(result)")
  }

  @Test("pairs of steps say what DropBlock costs, and masks take time")
  func dropBlockCost() throws {
    let folder = try TemporaryDirectory("bench")
    let result = try runProgram(
      Self.tiny + [
        "--steps", "1", "--warmup", "0", "--json", folder.file("figures.json"), "--compare-dropblock", "2", "--set",
        "dropblock.groups=[3, 4]",
      ], environment: ["OMP_NUM_THREADS": "1"])
    #expect(result.exitCode == 0, "\(result)")
    let figures = try object(folder.file("figures.json"))
    #expect(try #require(figures["regularizer_seconds"] as? Double) > 0)
    let cost = try #require(figures["dropblock"] as? [String: Double])
    #expect(Set(cost.keys) == ["pairs", "on_seconds", "off_seconds", "percent"] && cost["pairs"] == 2)
    #expect(result.output.contains("DropBlock costs "))
  }

  @Test("the trace of two ranks has one time line: no sum is complete before the last rank started it")
  func trace() throws {
    let folder = try TemporaryDirectory("bench")
    let result = try runProgram(
      ranks: 2,
      Self.tiny + [
        "--steps", "1", "--warmup", "1", "--json", folder.file("figures.json"), "--trace", folder.file("trace.json"),
      ])
    #expect(result.exitCode == 0, "\(result)")
    let bytes = try #require((object(folder.file("figures.json"))["allreduce"] as? [String: Double])?["bytes"])
    let events = try #require(object(folder.file("trace.json"))["traceEvents"] as? [[String: Any]])
    struct Event {
      let name: String
      let start: Double
      let end: Double
    }
    func row(_ rank: Int, _ isWanted: (Int) -> Bool) -> [Event] {
      events.compactMap { event in
        guard event["ph"] as? String == "X", event["pid"] as? Int == rank, isWanted(event["tid"] as? Int ?? -1),
          let name = event["name"] as? String, let start = event["ts"] as? Double, let length = event["dur"] as? Double
        else { return nil }
        return Event(name: name, start: start, end: start + length)
      }
    }
    let sums = (0..<2).map { rank in row(rank) { $0 > 0 } }
    #expect(sums[0].count > 3 * 3, "three steps of several buckets")
    // The sums of a step come in the order of their start, which is the same on every rank.
    #expect(sums[0].map(\.name) == sums[1].map(\.name))
    for (first, second) in zip(sums[0], sums[1]) {
      #expect(min(first.end, second.end) >= max(first.start, second.start), "\(first) \(second)")
    }
    // 20 million parameters of four bytes.
    #expect(bytes > 7e7)
    for rank in 0..<2 {
      let work = row(rank) { $0 == 0 }
      for name in ["batch", "targets", "backbone.body.conv1", "post", "bucket 0"] {
        #expect(work.contains { $0.name == name }, "\(name) on rank \(rank)")
      }
      let overlaps = zip(work, work.dropFirst()).count { $0.end > $1.start + 1 }
      #expect(overlaps == 0, "rank \(rank)")
      #expect(try #require(work.first).start >= 0)
    }
    #expect(events.contains { $0["ph"] as? String == "M" && ($0["args"] as? [String: String])?["name"] == "allreduce" })
  }

  @Test("a classifier is timed too, on one rank and on two", arguments: [1, 2])
  func classifier(ranks: Int) throws {
    let folder = try TemporaryDirectory("bench")
    let arguments = [
      "bench", "--config", "\(Locations.packageRoot)/configs/resnet50-bench.yaml", "--set", "model.depth=18", "--set",
      "input.size=64", "--set", "planner.algorithms=direct", "--set", "dropblock.groups=[3, 4]", "--set",
      "batch.per_rank=2", "--steps", "1", "--json", folder.file("figures.json"),
    ]
    let result =
      ranks == 1
      ? try runProgram(arguments, environment: ["OMP_NUM_THREADS": "1"]) : try runProgram(ranks: ranks, arguments)
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.contains("resnet, torchvision form, ResNet-18, 1000 classes"))
    let figures = try object(folder.file("figures.json"))
    #expect(figures["batch_per_rank"] as? Int == 2 && figures["ranks"] as? Int == ranks)
    let operations = try #require(figures["operations"] as? [[String: Any]])
    for kind in ["global average pool", "cross-entropy", "mask drawing"] {
      #expect(operations.contains { $0["kind"] as? String == kind }, "\(kind)")
    }
  }

  @Test("real images are loaded while the steps run")
  func data() throws {
    let space = try Workspace()
    let result = try space.program(
      ranks: 1,
      [
        "bench", "--config", space.trained.configuration, "--set", "data.root=\(space.data)", "--set",
        "bench.input=data", "--json", space.folder.file("figures.json"), "--steps", "2",
      ])
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.contains("training images"))
    #expect(try object(space.folder.file("figures.json"))["batch_per_rank"] as? Int == 1)
  }

  @Test(
    "each mistake is found before the work, with its code",
    arguments: [
      (["--steps", "0"], 64, "--steps: expected at least 1"),
      (["--warmup=-1"], 64, "--warmup: expected at least 0"),
      (["--json", "/proc/figures.json"], 73, "/proc/figures.json: cannot be written"),
      (["--trace", "/proc"], 73, "/proc: cannot be written"),
      (["--compare-dropblock", "3"], 78, "dropblock.groups is empty"),
      (["--set", "bench.input=noise"], 78, "bench.input: expected synthetic or data"),
      (["--set", "model.name=resnet", "--set", "bench.input=data"], 78, "data.kind: expected image_folder"),
    ])
  func mistakes(arguments: [String], code: Int32, message: String) throws {
    let folder = try TemporaryDirectory("bench")
    let cache = folder.file("cache")
    let result = try runProgram(["bench"] + arguments, environment: ["DROPBLOCK_CACHE": cache])
    #expect(result.exitCode == code, "\(result)")
    #expect(result.errorOutput.hasPrefix("error: ") && result.errorOutput.contains(message), "\(result)")
    // The full-size model is not even planned: that leaves the timed algorithms in the cache.
    #expect(result.output.isEmpty && !FileManager.default.fileExists(atPath: cache), "\(result)")
  }
}

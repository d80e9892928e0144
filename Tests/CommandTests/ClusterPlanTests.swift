import Foundation
import TestSupport
import Testing

/// Oracle: figures by hand from a file made by hand, and the documented codes.
@Suite(.serialized) struct ClusterPlanTests {
  /// CustomNet with the cross-entropy of ten classes, one bucket of 960 bytes that is ready when the pass is over.
  private static let configuration = """
    name: planned
    data: {kind: cifar10, root: nowhere}
    input: {size: 32}
    model: {name: customnet, classes: 10}
    batch: {global: 48}
    train: {length: 2 epochs}

    """
  private static let figures = """
    {
      "model": "customnet, the study's six convolutions, 10 classes", "image_size": [32, 32], "precision": "f32", "ranks": 2,
      "threads_per_rank": 3, "batch_per_rank": 4, "step_seconds": {"min": 1, "median": 1.5, "max": 3},
      "peak_rss_bytes": 3145728,
      "communication": {
        "nodes": 1, "ranks_per_node": 2, "passes": 1, "summation": "ring", "bucket_bytes": 25000000,
        "compute_seconds": 1.25, "pass_seconds": 1, "poll_seconds": [1], "rank_sums": [],
        "buckets": [{"bytes": 960, "is_exact": false, "ready_seconds": 1, "update_seconds": 0.25}],
        "costs": {"message_seconds": 0, "tcp_seconds_per_byte": 0, "copy_seconds_per_byte": 0, "sum_seconds_per_byte": 0,
                  "half_seconds_per_float": 0, "socket_buffer_bytes": 4194304},
        "further_rank_bytes": 1048576, "checkpoint_bytes": 2097152
      }
    }

    """

  /// A folder with the configuration and the benchmark, with words of them replaced.
  private struct Desk {
    let folder: TemporaryDirectory

    init(_ replacements: [(String, String)] = []) throws {
      folder = try TemporaryDirectory("plan")
      for (name, text) in [("planned.yaml", configuration), ("bench.json", figures)] {
        try folder.write(replacements.reduce(text) { $0.replacing($1.0, with: $1.1) }, to: name)
      }
    }

    func plan(_ arguments: [String], bench: String? = "bench.json") throws -> CommandResult {
      let bench = bench.map { ["--bench", folder.file($0)] } ?? []
      return try runProgram(
        ["plan", "--config", folder.file("planned.yaml"), "--json", folder.file("plan.json")] + bench + arguments)
    }

    func report() throws -> [String: Any] {
      let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("plan.json")))
      return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
  }

  @Test("a file gives exactly the figures that follow from it")
  func known() throws {
    let desk = try Desk()
    let result = try desk.plan(["--nodes", "1,2,3", "--network", "1Gbit/s,100ms", "--images", "480"])
    #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result)")
    let report = try desk.report()
    let rows = try #require(report["predicted"] as? [[String: Any]])
    #expect(rows.count == 3)
    for (index, nodes) in [1, 2, 3].enumerated() {
      let row = rows[index]
      func number(_ key: String) -> Double { row[key] as? Double ?? .nan }
      func expect(_ key: String, _ expected: Double) {
        #expect(
          abs(number(key) - expected) < 1e-9 * max(1, expected),
          "\(key) of \(nodes) nodes: \(number(key)), not \(expected)")
      }
      let ranks = Double(2 * nodes)
      // A step has 48 images, a rank's share in passes of 4; each pass is agreed on by a sum of 8 bytes.
      let passes = 48 / ranks / 4
      let byteSeconds = 8 / 1e9 * 1538 / 1448
      let round = nodes == 1 ? 0 : 0.1 + byteSeconds * 960 / ranks
      let agreement = nodes == 1 ? 0 : 0.1 + byteSeconds * (8 / ranks).rounded(.up)
      let exposed = 2 * (ranks - 1) * (round + passes * agreement)
      let compute = passes + 0.25
      for (key, expected) in [
        ("nodes", Double(nodes)), ("ranks", ranks), ("passes", passes), ("images_per_step", 48),
        ("compute_seconds", compute), ("exposed_seconds", exposed), ("step_seconds", compute + exposed),
        ("parallel_efficiency", compute / (compute + exposed)),
        ("images_per_second", 48 / (compute + exposed)),
        ("total_steps", 20), ("total_seconds", 20 * (compute + exposed)),
      ] { expect(key, expected) }
      let bytes = nodes == 1 ? 0 : 2 * (ranks - 1) * (960 / ranks + passes * (8 / ranks).rounded(.up))
      expect("network_bytes_per_step", bytes)
      expect("network_bits_per_second", bytes * 8 / (compute + exposed))
    }
    let measured = try #require(report["measured"] as? [String: Any])
    for (key, value) in [
      "memory_bytes_per_rank": 3_145_728, "memory_bytes_per_node": 4_194_304, "checkpoint_bytes": 2_097_152,
      "gradient_bytes": 960, "ranks_per_node": 2, "images_per_pass": 4,
    ] { #expect(measured[key] as? Int == value, "\(key)") }
    for words in ["measured, from ", "predicted\n", "3 MiB a rank, 4 MiB a node; a checkpoint has 2 MiB", "100ms"] {
      #expect(result.output.contains(words), "\(words) in \(result)")
    }
  }

  @Test("of several ranks that a launcher started one predicts")
  func launched() throws {
    let desk = try Desk()
    let result = try runProgram(
      ranks: 2,
      [
        "plan", "--config", desk.folder.file("planned.yaml"), "--bench", desk.folder.file("bench.json"), "--nodes", "2",
        "--network", "10gbe", "--images", "480",
      ])
    #expect(result.exitCode == 0 && result.output.matches(of: /predicted/).count == 1, "\(result)")
  }

  @Test("without a file the ranks of this machine are measured, and the length may be in steps", arguments: [1, 2])
  func measured(ranks: Int) throws {
    let desk = try Desk([("2 epochs", "7 steps"), ("global: 48", "per_rank: 2")])
    let arguments = [
      "plan", "--config", desk.folder.file("planned.yaml"), "--json", desk.folder.file("plan.json"), "--nodes", "1,4",
      "--network", "1gbe", "--set", "planner.algorithms=direct",
    ]
    let result =
      ranks == 1
      ? try runProgram(arguments, environment: ["OMP_NUM_THREADS": "1"]) : try runProgram(ranks: ranks, arguments)
    #expect(result.exitCode == 0 && result.output.contains("measured now"), "\(result)")
    let rows = try #require(desk.report()["predicted"] as? [[String: Any]])
    #expect(rows.map { $0["ranks"] as? Int } == [ranks, 4 * ranks])
    let steps = rows.compactMap { $0["step_seconds"] as? Double }
    #expect(steps.count == 2 && 0 < steps[0] && steps[0] < steps[1], "a network only adds to a step")
    #expect(rows.allSatisfy { $0["total_steps"] as? Int == 7 })
  }

  @Test(
    "a mistake in the command line ends with its code and one message",
    arguments: [
      (["--nodes", "0"], 64, "--nodes 0: expected whole numbers from 1 to 4096"),
      (["--nodes", "2,2"], 64, "each there once; got \"2\""),
      (["--nodes", "2,"], 64, "got \"\""),
      (["--nodes", "2", "--network", "10Gbit"], 64, "--network: expected a rate from 10kbit/s"),
      (["--nodes", "2", "--images", "0"], 64, "--images: expected at least 1"),
      (["--nodes", "2", "--ranks-per-node", "0"], 64, "--ranks-per-node: expected at least 1"),
      (["--nodes", "2", "--images", "9", "--json", "/proc/plan.json"], 73, "/proc/plan.json: cannot be written"),
      (["--nodes", "2", "--images", "47"], 65, "expected at least the 48 images that a step takes, got 47"),
      (["--nodes", "2"], 66, "say how many training images there are with --images"),
      (["--nodes", "5", "--images", "480"], 78, "batch.global: expected a multiple of 10 ranks"),
      (["--nodes", "4", "--images", "480"], 65, "batch_per_rank: expected a divisor of the 6 images"),
      (["--nodes", "2", "--images", "480", "--ranks-per-node", "3"], 65, "communication.ranks_per_node: expected 3"),
      (["--nodes", "2", "--images", "480", "--set", "input.size=64"], 65, "image_size: expected [64, 64]"),
      (
        ["--nodes", "2", "--images", "480", "--set", "model.classes=9"], 65,
        "model: expected customnet, the study's six convolutions, 9"
      ),
      (
        ["--nodes", "2", "--images", "480", "--set", "distributed.bucket_bytes=4096"], 65,
        "communication.bucket_bytes: expected 4096"
      ),
      (
        ["--nodes", "2", "--images", "480", "--set", "allreduce.precision=bf16"], 65,
        "communication.summation: expected half_precision"
      ),
    ])
  func mistakes(arguments: [String], code: Int32, message: String) throws {
    let network = arguments.contains("--network") ? [] : ["--network", "1gbe"]
    try Desk().plan(network + arguments).expectError(code, [message])
  }

  @Test(
    "a file that no benchmark wrote is code 65 and names the place",
    arguments: [
      ("\"ranks\": 2", "\"ranks\": 3", "ranks: expected nodes x ranks_per_node, which are 1 x 2"),
      ("\"ranks\": 2", "\"ranks\": \"2\"", "bench.json: ranks: expected the figures of bench --json"),
      ("\"pass_seconds\": 1,", "", "communication.pass_seconds: expected the figures of bench --json: it is missing"),
      ("\"pass_seconds\": 1,", "\"pass_seconds\": -1,", "communication.pass_seconds: expected seconds above 0"),
      (
        "\"poll_seconds\": [1]", "\"poll_seconds\": [2]", "communication.poll_seconds: expected ascending seconds up to"
      ),
      ("\"bytes\": 960", "\"bytes\": -960", "communication.buckets.bytes: expected bytes from 0"),
      ("\"bytes\": 960", "\"bytes\": \"960\"", "communication.buckets[0].bytes: expected the figures"),
      ("\"passes\": 1", "\"passes\": 0", "communication.passes: expected a whole number of at least 1"),
      ("\"ring\"", "\"star\"", "communication.summation: expected the figures"),
      ("\"sum_seconds_per_byte\": 0", "\"sum_seconds_per_byte\": -1", "communication.costs: expected seconds from 0"),
      ("{", "", "bench.json: the file: expected the figures of bench --json"),
    ])
  func unfitFiles(old: String, new: String, message: String) throws {
    let desk = try Desk([(old, new)].filter { $0.0 != "{" })
    if old == "{" { try desk.folder.write("no JSON", to: "bench.json") }
    try desk.plan(["--nodes", "2", "--network", "1gbe", "--images", "480"]).expectError(65, [message])
  }

  @Test("a file of an earlier version lacks what plan needs; one that is not there is code 66")
  func earlier() throws {
    let desk = try Desk([("\"communication\"", "\"other\"")])
    let arguments = ["--nodes", "2", "--network", "1gbe", "--images", "480"]
    try desk.plan(arguments).expectError(65, ["communication: expected the figures", "write the file again with"])
    try desk.plan(arguments, bench: "none.json").expectError(66, ["none.json: cannot be opened"])
  }
}

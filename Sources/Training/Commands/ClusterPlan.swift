import Datasets
import Distributed
import Tensors

/// `plan`: what a configuration is expected to need on several nodes.
public struct ClusterPlanRequest: Sendable {
  /// The configuration.
  public var configuration: Configuration
  /// Numbers of nodes, a row each.
  public var nodes: [Int]
  /// Ranks of each node; nil is as measured.
  public var ranksPerNode: Int?
  /// What joins the nodes.
  public var network: NetworkSpecification
  /// A file of `bench --json`; nil measures on this machine.
  public var bench: String?
  /// Training images; nil looks at the data where the length is in epochs.
  public var images: Int?
  /// The file that gets the figures as JSON.
  public var json: String?

  /// A request; `nodes` is a list of whole numbers with commas between them.
  ///
  /// Throws 64 for anything else.
  public init(
    configuration: Configuration, nodes: String, ranksPerNode: Int?, network: NetworkSpecification, bench: String?,
    images: Int?, json: String?
  ) throws(InputError) {
    self.nodes = try Self.numbers(nodes)
    (self.configuration, self.ranksPerNode, self.network) = (configuration, ranksPerNode, network)
    (self.bench, self.images, self.json) = (bench, images, json)
  }

  /// The largest number of nodes that a plan takes.
  public static let mostNodes = 4096

  private static func numbers(_ text: String) throws(InputError) -> [Int] {
    var numbers: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = Int(part), (1...mostNodes).contains(number), !numbers.contains(number) else {
        throw InputError(
          .usage,
          "--nodes \(text): expected whole numbers from 1 to \(mostNodes) with commas between them, each there once; got "
            + "\"\(part)\"")
      }
      numbers.append(number)
    }
    return numbers
  }

  /// Predicts from the file, without a launcher; throws what the user can mend.
  ///
  /// Only for a request with `bench`; of several ranks that a launcher started one is enough.
  public func run(bench path: String) throws {
    try check()
    let file = try BenchmarkFile(path: path)
    try tell(planner(file), Console(style: .plain, waitsForReader: true))
  }

  /// Measures on all ranks of this machine, predicts, and ends the process.
  public func measureAndRun() -> Never {
    Launch.onRanks(configuration) { mpi, threads, console in
      let communicator = mpi.world
      try communicator.collectively { if communicator.rank == 0 { try check() } }
      console.say("measuring a node; `bench --json FILE` keeps the figures for further plans")
      let measured = try communicator.collectively { try measuredConfiguration(communicator) }
      let bench = BenchRequest(configuration: measured)
      let (report, _) = try bench.measure(communicator, threads, Console(style: .silent))
      try communicator.collectively {
        if communicator.rank == 0 { try tell(planner(BenchmarkFile(report)), console) }
      }
      return .success
    }
  }

  private func planner(_ file: BenchmarkFile) -> ClusterPlanner {
    ClusterPlanner(
      configuration: configuration, network: network, path: bench, bench: file, ranksPerNode: ranksPerNode)
  }

  /// What would otherwise be found only after the work.
  private func check() throws {
    try configuration.requireRunnable()
    if let json { try requireWritable(json) }
  }

  /// A step of one pass of as many images as a rank has on the largest number of nodes: smaller numbers take more passes.
  private func measuredConfiguration(_ communicator: Communicator) throws -> Configuration {
    let ranksPerNode = ranksPerNode ?? communicator.localSize
    if communicator.size != ranksPerNode || communicator.localSize != ranksPerNode {
      throw InputError(
        .usage,
        "--ranks-per-node: expected the ranks that measure, \(communicator.size) on this node, got \(ranksPerNode); start it "
          + "with: mpirun -np \(ranksPerNode) dropblock-dist plan ...; or give --bench")
    }
    let batch = try configuration.batchPlan(ranks: (nodes.max() ?? 1) * ranksPerNode)
    var measured = configuration
    measured.batch.accumulate = 1
    measured.batch.size =
      batch.hasShards ? .global(batch.perRank * communicator.size) : .perRank(batch.perRank)
    return measured
  }

  /// The training images; nil where the length of training does not depend on them.
  ///
  /// Throws what a run would, with the way around it.
  private func imageCount<Task: TrainingTask>(_ task: Task) throws -> Int? {
    if let images { return images }
    guard case .epochs = configuration.train.length else { return nil }
    do {
      let (source, census) = try task.openSamples()
      try census.requireUsable(maximumFaults: configuration.data.maxFaults)
      return source.sampler.imageCount
    } catch let error as any UserError {
      throw InputError(error.exitCode, "\(error.description); or say how many training images there are with --images")
    }
  }

  private func tell(_ planner: ClusterPlanner, _ console: Console) throws {
    let report = try planner.report(nodes: nodes, images: imageCount(configuration.task))
    console.header("dropblock-dist plan: \(configuration.name)", [("network", network.summary)])
    console.header("measured\(bench.map { ", from \($0)" } ?? " now")", report.measuredRows)
    console.say("predicted\n\(report.table)\n\(report.legend)")
    if let json { try writeJSON(report, to: json) }
  }
}

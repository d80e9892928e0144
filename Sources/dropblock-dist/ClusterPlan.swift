import ArgumentParser
import Distributed
import Training

/// `plan`: what a configuration is expected to need on several nodes.
struct ClusterPlan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Predict step time, efficiency and duration on several nodes from a measured one.",
    discussion: """
      What one node measures (computation, gradient buckets and when each is ready,
      what transfers cost the processor) is combined with a rate and a latency of
      the network. The figures of a node come from a file of bench --json that as many
      ranks a node wrote; without --bench they are measured now, on the ranks that
      the launcher starts. A benchmark's batch.per_rank is the size of a pass; a
      rank with more images a step takes several.

      Networks: a rate such as 10Gbit/s, or 1gbe, 10gbe, 25gbe, 100gbe; behind a
      comma the time of half a round trip between two programs, 50us if left out.

      Example:
        dropblock-dist plan --nodes 1,2,4,8 --network 10gbe,30us --images 400
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Numbers of nodes, with commas between them.", valueName: "list"))
  var nodes: String

  @Option(help: ArgumentHelp("Ranks of a node; as measured without it.", valueName: "number"))
  var ranksPerNode: Int?

  @Option(help: ArgumentHelp("Rate or name of the network, and its latency.", valueName: "spec"))
  var network: String

  @Option(help: ArgumentHelp("File of bench --json; measures now without it.", valueName: "file"))
  var bench: String?

  @Option(help: ArgumentHelp("Training images; counts them in the data without it.", valueName: "number"))
  var images: Int?

  @Option(help: ArgumentHelp("Write the figures here as JSON.", valueName: "file"))
  var json: String?

  func validate() throws {
    for (option, number) in [("--ranks-per-node", ranksPerNode), ("--images", images)] {
      if let number, number < 1 { throw ValidationError("\(option): expected at least 1, got \(number)") }
    }
  }

  func run() throws {
    let request = try ClusterPlanRequest(
      configuration: try source.load(), nodes: nodes, ranksPerNode: ranksPerNode,
      network: try NetworkSpecification(network), bench: bench, images: images, json: json)
    guard let bench else { request.measureAndRun() }
    if launchedRank() == 0 { try request.run(bench: bench) }
  }
}

import Datasets
import Regularization
import Tensors

/// What `audit-masks` is asked for.
public struct MaskAuditRequest: Equatable, Sendable {
  /// The run's configuration.
  public var configuration: Configuration
  /// Masks drawn at each site, from 1.
  public var draws: Int
  /// Where the table goes as JSON; nil is nowhere.
  public var json: String?

  /// A request.
  public init(configuration: Configuration, draws: Int = 20, json: String? = nil) {
    (self.configuration, self.draws, self.json) = (configuration, draws, json)
  }
}

/// Audits the masks of the configured model; see the other form.
///
/// - Throws: `InputError` with code 73 when the JSON cannot be written, `ConfigurationError` for groups that the model lacks.
@discardableResult
public func auditMasks(_ request: MaskAuditRequest, console: Console) throws -> [MaskAudit] {
  let graph = try request.configuration.task.checkedTrainingGraph(imagesPerRank: 1)
  return try auditMasks(request, sites: graph.maskSites, extent: graph.maskExtent, console: console)
}

/// Draws masks at every site and compares the share that they drop with the exact expectation.
///
/// The rate is that at the end of the schedule. Overlapping blocks drop less than was asked for, and published variants of
/// DropBlock less or much more: `expected` counts each element once, and `measured` must agree with it within its standard
/// error.
/// - Parameters:
///   - sites: where the masks belong, in forward order.
///   - extent: the groups and blocks of the model.
/// - Throws: `InputError` with code 73 when the JSON cannot be written.
@discardableResult
public func auditMasks(
  _ request: MaskAuditRequest, sites: [MaskSite], extent: MaskExtent, console: Console
) throws -> [MaskAudit] {
  let regularization = RunRegularization(request.configuration, totalSteps: 1, stepsPerEpoch: 1, extent: extent)
  let stream = MaskStream.perRank(seed: request.configuration.random.seed, rank: 0)
  let audits = regularization.map { regularization in
    sites.map { site in
      MaskAudit(
        regularization.regularizer, shape: site.shape,
        keepProbability: regularization.finalKeepProbabilities.at(site.place), stream: stream, layer: site.index,
        draws: request.draws)
    }
  }
  console.say(
    audits.map { table(sites, $0) }
      ?? "no regulariser is on: dropblock.groups is empty, and so are the groups of the others")
  if let file = request.json { try writeJSON(records(sites, audits ?? []), to: file) }
  return audits ?? []
}

/// The audits with one line a site; rates in percent, the deviation in standard errors.
private func table(_ sites: [MaskSite], _ audits: [MaskAudit]) -> String {
  let width = max(5, sites.map(\.name.count).max() ?? 0)
  let head = [("map", 9), ("block", 6), ("wanted", 9), ("expected", 10), ("measured", 10), ("deviation", 10)]
  let lines = zip(sites, audits).map { site, audit in
    let cells = [
      ("\(site.shape.h)x\(site.shape.w)", 9), (audit.blockSize.map(String.init) ?? "-", 6), (percent(audit.wanted), 9),
      (percent(audit.expected), 10), (percent(audit.measured), 10), (NumberText.fixed(audit.deviation, 1), 10),
    ]
    return NumberText.left(site.name, width) + cells.map { NumberText.right($0.0, $0.1) }.joined()
  }
  let title = NumberText.left("layer", width) + head.map { NumberText.right($0.0, $0.1) }.joined()
  return ([title] + lines).joined(separator: "\n")
}

private func percent(_ share: Double) -> String { NumberText.fixed(share * 100, 3) + "%" }

/// A line of the JSON file.
private struct AuditRecord: Encodable {
  let name: String
  let group: MaskGroup
  let shape: [Int]
  let block_size: Int?
  let keep_prob: Double
  let gamma: Double?
  let wanted: Double
  let expected: Double
  let measured: Double
  let standard_error: Double
}

private func records(_ sites: [MaskSite], _ audits: [MaskAudit]) -> [AuditRecord] {
  zip(sites, audits).map { site, audit in
    AuditRecord(
      name: site.name, group: site.place.group, shape: [site.shape.n, site.shape.c, site.shape.h, site.shape.w],
      block_size: audit.blockSize, keep_prob: audit.keepProbability, gamma: audit.gamma, wanted: audit.wanted,
      expected: audit.expected, measured: audit.measured, standard_error: audit.standardError)
  }
}

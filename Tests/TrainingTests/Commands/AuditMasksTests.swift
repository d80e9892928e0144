import Foundation
import Regularization
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: the official code's rates, and the closed form of the expected share for blocks of one pixel.
@Suite struct AuditMasksTests {
  static let sites = [
    MaskSite(
      index: 0, name: "layer3.0.bn1", place: MaskPlace(group: 3, .convolution, depth: 8), shape: Shape(2, 16, 28, 28)),
    MaskSite(
      index: 1, name: "layer3.1.shortcut", place: MaskPlace(group: 3, .shortcut, depth: 9), shape: Shape(2, 16, 14, 14)),
    MaskSite(
      index: 2, name: "layer4.2.bn3", place: MaskPlace(group: 4, .branchEnd, depth: 16), shape: Shape(2, 32, 7, 5)),
  ]

  /// A configuration with these values.
  func request(_ overrides: [String], json: String? = nil) throws -> MaskAuditRequest {
    MaskAuditRequest(
      configuration: try Configuration(text: "", name: "a", overrides: overrides), draws: 50, json: json)
  }

  @Test("group 3 drops a quarter of what group 4 drops, unless told otherwise")
  func groups() throws {
    let console = Console(style: .silent)
    func audit(_ overrides: [String]) throws -> [MaskAudit] {
      try auditMasks(request(overrides), sites: Self.sites, extent: MaskExtent(groups: 4, blocks: 16), console: console)
    }
    let scaled = try audit(["dropblock.keep_prob=0.9"])
    for (audit, keepProbability) in zip(scaled, [0.975, 0.975, 0.9]) {
      #expect(abs(audit.keepProbability - keepProbability) < 1e-12)
    }
    let plain = try audit(["dropblock.group_scaling=false"])
    #expect(plain.allSatisfy { $0.keepProbability == 0.9 })
  }

  /// Oracle: the rate that was asked for, which these drop exactly, to the resolution of 2^-16.
  @Test("the other regularisers are audited too, and one that is on turns DropBlock's default off")
  func others() throws {
    func audit(_ overrides: [String]) throws -> [MaskAudit] {
      try auditMasks(
        request(overrides), sites: Self.sites, extent: MaskExtent(groups: 4, blocks: 16),
        console: Console(style: .silent))
    }
    for section in ["dropout", "spatial_dropout"] {
      let audits = try audit(["\(section).groups=[3, 4]", "\(section).keep_prob=0.7"])
      #expect(audits.allSatisfy { abs($0.deviation) < 5 && abs($0.expected - 0.3) < 1e-5 && $0.blockSize == nil })
      #expect(audits.allSatisfy { abs($0.wanted - 0.3) < 1e-12 })
    }
    let path = try audit(["drop_path.groups=[4, 3]", "drop_path.depth_scaling=true"])
    for (audit, rate) in zip(path, [0.1 * 8 / 16, 0.1 * 9 / 16, 0.1]) {
      #expect(abs(audit.wanted - rate) < 1e-12 && abs(audit.deviation) < 5)
    }
    let timm = try audit(["dropblock.mode=timm", "dropblock.group_scaling=false"])
    #expect(timm.allSatisfy { $0.expected > 0.12 && abs($0.deviation) < 5 })
    let calibrated = try audit(["dropblock.calibrated=true"])
    #expect(calibrated.allSatisfy { abs($0.expected - $0.wanted) < 1e-12 && abs($0.deviation) < 5 })
  }

  @Test("what is measured agrees with the expectation at every site", arguments: [1, 3, 5, 7])
  func agreement(blockSize: Int) throws {
    let audits = try auditMasks(
      request(["dropblock.block_size=\(blockSize)"]), sites: Self.sites, extent: MaskExtent(groups: 4, blocks: 16),
      console: Console(style: .silent))
    // Five standard errors: once in 1.7 million draws for a correct generator; the seed is fixed.
    #expect(audits.allSatisfy { abs($0.deviation) < 5 })
    if blockSize == 1 { #expect(audits.allSatisfy { abs($0.expected - $0.wanted) < 1e-12 }) }
  }

  @Test("the table has a line for each site, the JSON file an entry with the same numbers")
  func output() throws {
    let folder = try TemporaryDirectory()
    let shown = Mutex("")
    let console = Console(style: .plain) { _, bytes in
      shown.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
    }
    let audits = try auditMasks(
      request([], json: folder.file("masks.json")), sites: Self.sites, extent: MaskExtent(groups: 4, blocks: 16),
      console: console)
    let lines = shown.withLock { $0 }.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[3].hasPrefix("layer4.2.bn3           7x5     5  10.000%"))
    let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("masks.json")))
    let entries = try #require(JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    // Foundation reads decimals to one unit of the last place.
    for (entry, audit) in zip(entries, audits) {
      #expect(abs((entry["measured"] as? Double ?? -1) - audit.measured) < 1e-15)
    }
    #expect(entries.map { $0["name"] as? String } == Self.sites.map(\.name) && audits.count == entries.count)
    #expect(entries[2]["shape"] as? [Int] == [2, 32, 7, 5])
  }
}

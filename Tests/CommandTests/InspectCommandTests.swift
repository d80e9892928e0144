import Foundation
import TestSupport
import Testing

/// Oracle: the published numbers of parameters, and closed forms.
@Suite struct InspectCommandTests {
  /// Runs `inspect` with direct algorithms, which need no timing, and returns its JSON.
  func inspect(_ arguments: [String]) throws -> (output: String, description: [String: Any]) {
    let folder = try TemporaryDirectory("inspect")
    let result = try runProgram(
      ["inspect", "--set", "planner.algorithms=direct", "--json", folder.file("model.json")] + arguments)
    #expect(result.exitCode == 0, "\(result)")
    let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("model.json")))
    return (result.output, try #require(JSONSerialization.jsonObject(with: data) as? [String: Any]))
  }

  @Test("torchvision's RetinaNet has its published 34,014,999 parameters, besides the frozen scales and shifts")
  func torchvision() throws {
    let (output, description) = try inspect([
      "--config", "\(Locations.packageRoot)/configs/retinanet-r50-torchvision.yaml", "--set", "input.size=128",
    ])
    // torchvision holds frozen batch-norm in buffers: 53,120 scales and 53,120 shifts of ResNet-50.
    #expect(description["parameters"] as? Int == 34_014_999 + 2 * 53_120)
    // Three trainable layers leave the stem's 9,408 and layer1's 212,992 weights alone.
    #expect(description["trained_parameters"] as? Int == 34_014_999 - 9_408 - 212_992)
    #expect(output.contains("34121239"))
    let tensors = try #require(description["tensors"] as? [[String: Any]])
    let logits = try #require(tensors.first { $0["name"] as? String == "head.classification_head.cls_logits.weight" })
    #expect(logits["shape"] as? [Int] == [819, 256, 3, 3])
    #expect(logits["role"] as? String == "trained")
  }

  @Test("a classifier has torchvision's 25,557,032 parameters")
  func classifier() throws {
    let (output, description) = try inspect([
      "--config", "\(Locations.packageRoot)/configs/resnet50-bench.yaml", "--set", "input.size=64",
    ])
    #expect(description["parameters"] as? Int == 25_557_032)
    #expect(output.contains("fc.weight"))
  }

  @Test(
    "the study's networks have its parameters, and places where its dropout layers are",
    arguments: [("customnet", 308_394, 3), ("resnet_keras", 23_555_082, 32), ("densenet", 6_972_170, 119)])
  func study(network: String, parameters: Int, places: Int) throws {
    let folder = try TemporaryDirectory("study")
    let file = folder.file("study.yaml")
    let groups = network == "customnet" ? "[1, 2, 3]" : "[1, 2, 3, 4]"
    try "model: {name: \(network)}\ninput: {size: 32}\ndropblock: {groups: \(groups), block_size: 3, sites: conv}\n"
      .write(toFile: file, atomically: true, encoding: .utf8)
    let (output, description) = try inspect(["--config", file])
    #expect(description["parameters"] as? Int == parameters)
    #expect(output.contains("\(network), the study's"))
    let audit = try runProgram(["audit-masks", "--config", file])
    #expect(audit.exitCode == 0, "\(audit)")
    #expect(audit.output.split(separator: "\n").count == places + 1)
  }

  @Test("the work of a convolution is two operations a multiply-add, and twice that in the backward pass")
  func work() throws {
    let description = try inspect(["--set", "input.size=128", "--set", "batch.per_rank=2"]).description
    let operations = try #require(description["operations"] as? [[String: Any]])
    // Without a launcher and --config the built-in configuration: ResNet-18 at 128 pixels. A 3x3 convolution of the
    // first group maps 64 channels to 64 on 32 x 32.
    let forward = try #require(
      operations.first {
        $0["name"] as? String == "backbone.body.layer1.0.conv1" && $0["pass"] as? String == "forward"
      })
    let work = try #require(forward["floating_point_operations"] as? Double)
    let multiplyAdds = 2 * 64 * 64 * 9 * 32 * 32
    #expect(work == Double(2 * multiplyAdds))
    let sums = try #require(description["floating_point_operations"] as? [String: Double])
    let (ahead, back) = (try #require(sums["forward"]), try #require(sums["backward"]))
    // The first convolution needs no gradient of the images.
    let stem = Double(2 * 2 * 64 * 3 * 49 * 64 * 64)
    #expect(abs(back - (2 * ahead - stem)) < 1e-9 * back)
  }

  @Test("audit-masks has a line for each of the 36 sites of ResNet-50, all close to their expectation")
  func auditMasks() throws {
    let folder = try TemporaryDirectory("masks")
    let result = try runProgram([
      "audit-masks", "--config", "\(Locations.packageRoot)/configs/retinanet-r50-coco.yaml", "--json",
      folder.file("masks.json"),
    ])
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.split(separator: "\n").count == 37)
    let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("masks.json")))
    let sites = try #require(JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    #expect(sites.count == 36)
    for site in sites {
      let numbers = site.compactMapValues { $0 as? Double }
      let (expected, measured) = (try #require(numbers["expected"]), try #require(numbers["measured"]))
      // Five standard errors; the seed is fixed.
      let standardError = try #require(numbers["standard_error"])
      #expect(abs(measured - expected) < 5 * standardError, "\(site)")
      #expect(abs(try #require(numbers["wanted"]) - (site["group"] as? Int == 3 ? 0.025 : 0.1)) < 1e-12)
    }
  }
}

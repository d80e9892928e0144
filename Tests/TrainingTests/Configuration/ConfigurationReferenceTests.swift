import Foundation
import TestSupport
import Testing

@testable import Training

/// Oracle: the published recipes, the page that is committed, and what the reader accepts.
struct ConfigurationReferenceTests {
  private let reference = ConfigurationReference()

  private func defaults(_ key: String) -> String? { reference.entries.first { $0.key == key }?.defaults }

  @Test("the page of the documentation is what the program writes")
  func page() throws {
    let file = "\(Locations.packageRoot)/Sources/Documentation/Documentation.docc/ConfigurationKeys.md"
    let page = try String(contentsOfFile: file, encoding: .utf8)
    #expect(
      page == reference.markdown + "\n",
      "write it anew: dropblock-dist keys --markdown >Sources/Documentation/Documentation.docc/ConfigurationKeys.md")
  }

  @Test("every key that a configuration writes is there once, with a sentence that fits a table")
  func complete() {
    #expect(Set(reference.entries.map(\.key)).count == reference.entries.count)
    let written = [Configuration(), Configuration(network: .segmentation), Configuration(network: .amoebaNet)].flatMap {
      $0.yaml.split(separator: "\n").filter { !$0.hasSuffix(":") }.compactMap { $0.split(separator: ":").first }
    }
    let names = Set(reference.entries.compactMap { $0.key.split(separator: ".").last })
    #expect(written.count > 200 && written.allSatisfy { names.contains($0.drop { $0 == " " }) })
    for entry in reference.entries {
      #expect(
        entry.meaning.hasSuffix(".") && !(entry.meaning + entry.values + entry.defaults).contains("|"), "\(entry)")
      #expect(!entry.meaning.contains("\n"), "\(entry)")
    }
  }

  @Test("defaults are those of the paper, with torchvision's and other models' beside them")
  func published() {
    #expect(defaults("learning_rate.peak") == "0.08, 0.01 (torchvision's form)")
    #expect(defaults("dropblock.block_size") == "7")
    #expect(
      defaults("dropblock.groups") == "[3, 4], [] (torchvision's form, segmentation, amoebanet, the study's networks)")
    #expect(
      defaults("model.classes")
        == "90, 91 (torchvision's form), 21 (segmentation), 1000 (amoebanet), 10 (the study's networks)")
    #expect(defaults("input.evaluation.bounds") == "none, [800, 1333] (torchvision's form)")
    #expect(defaults("model.cells") == "18")
    #expect(defaults("model.name") == "retinanet")
  }

  @Test("a key's readers are the models beside which stating it is no error")
  func readers() throws {
    func readers(_ key: String) -> String? { reference.entries.first { $0.key == key }?.readers }
    #expect(readers("loss.focal_alpha") == "detectors")
    #expect(readers("input.scale_min") == "detectors, segmenters")
    #expect(readers("model.depth") == "detectors, segmenters, resnet")
    #expect(readers("model.cells") == "amoebanet")
    #expect(readers("train.length") == nil)
    _ = try Configuration(text: "{model: {name: amoebanet, cells: 6}, data: {kind: cifar10}}", name: "test")
    #expect(throws: ConfigurationError.self) { try Configuration(text: "model: {depth: 50, cells: 6}", name: "test") }
  }

  @Test("names choose a section or a key; another name is an error")
  func named() {
    #expect(reference.named("random")?.entries.map(\.key) == ["random.seed", "random.stream"])
    #expect(reference.named("data.shapes.seed")?.entries.map(\.key) == ["data.shapes.seed"])
    #expect(reference.named("rand") == nil)
    #expect(
      reference.named("random.seed")?.text
        == "random.seed: a whole number from 0 to \(UInt64.max); default 1\n"
        + "    Seed of weights, order, augmentation and masks.")
  }
}

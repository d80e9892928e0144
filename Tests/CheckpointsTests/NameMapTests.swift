import Checkpoints
import Tensors
import TestSupport
import Testing

private func shapes(_ names: [String]) -> [NamedShape] { names.map { NamedShape($0, [2]) } }

@Suite struct NameMapTests {
  @Test(
    "names of torchvision's published RetinaNet files become the current ones",
    arguments: [
      ("backbone.fpn.inner_blocks.0.weight", "backbone.fpn.inner_blocks.0.0.weight"),
      ("backbone.fpn.layer_blocks.2.bias", "backbone.fpn.layer_blocks.2.0.bias"),
      ("head.classification_head.conv.0.weight", "head.classification_head.conv.0.0.weight"),
      ("head.regression_head.conv.6.bias", "head.regression_head.conv.3.0.bias"),
      // Current names, and names that only look alike, stay.
      ("head.regression_head.conv.3.0.bias", "head.regression_head.conv.3.0.bias"),
      ("head.regression_head.conv.3.bias", "head.regression_head.conv.3.bias"),
      ("backbone.fpn.inner_blocks.0.0.weight", "backbone.fpn.inner_blocks.0.0.weight"),
      ("backbone.fpn.extra_blocks.p6.weight", "backbone.fpn.extra_blocks.p6.weight"),
      ("backbone.body.layer1.0.conv1.weight", "backbone.body.layer1.0.conv1.weight"),
      ("head.classification_head.cls_logits.bias", "head.classification_head.cls_logits.bias"),
      ("weight", "weight"), ("", ""),
    ])
  func oldRetinaNet(old: String, current: String) {
    // Oracle: the names of torchvision's two layouts, as its state dictionaries list them.
    #expect(NameMap.currentName(of: old) == current)
  }

  @Test("either layout fills the whole detector")
  func bothLayouts() {
    let current = [
      "backbone.body.conv1.weight", "backbone.body.bn1.running_var", "backbone.fpn.inner_blocks.0.0.weight",
      "head.classification_head.conv.1.0.weight", "head.classification_head.conv.2.0.weight",
    ]
    let old = [
      "head.classification_head.conv.2.weight", "head.classification_head.conv.4.weight",
      "backbone.fpn.inner_blocks.0.weight", "backbone.body.bn1.running_var", "backbone.body.conv1.weight",
    ]
    let same = NameMap.match(file: shapes(current), model: shapes(current))
    #expect(same.isExact && same.loaded.allSatisfy { $0.model == $0.file })
    let renamed = NameMap.match(file: shapes(old), model: shapes(current))
    #expect(renamed.isExact)
    #expect(renamed.loaded.map(\.model) == current)
    #expect(renamed.loaded.map(\.file) == old.reversed().dropLast(2) + [old[0], old[1]])
  }

  @Test("a matrix fits the 1x1 convolution that a fully connected layer is here, and no other shape does")
  func fullyConnected() {
    func match(_ shape: [Int]) -> NameMatch {
      NameMap.match(file: [NamedShape("fc.weight", shape)], model: [NamedShape("fc.weight", [10, 512, 1, 1])])
    }
    #expect(match([10, 512]).isExact && match([10, 512, 1, 1]).isExact)
    for shape in [[512, 10], [10, 512, 1], [10], [5120], [10, 512, 1, 1, 1]] {
      #expect(match(shape).mismatched.count == 1, "\(shape)")
    }
  }

  @Test("classification weights fill the backbone, the classifier is skipped, the rest of the detector is missing")
  func backbone() {
    let file = ["conv1.weight", "bn1.weight", "layer1.0.downsample.0.weight", "fc.weight", "fc.bias"]
    let model = [
      "backbone.body.conv1.weight", "backbone.body.bn1.weight", "backbone.body.layer1.0.downsample.0.weight",
      "backbone.fpn.inner_blocks.0.0.weight",
    ]
    let match = NameMap.match(file: shapes(file), model: shapes(model))
    #expect(match.loaded.map(\.model) == Array(model[..<3]))
    #expect(match.loaded.map(\.file) == Array(file[..<3]))
    #expect(match.skipped == ["fc.weight", "fc.bias"])
    #expect(match.missing == ["backbone.fpn.inner_blocks.0.0.weight"])
    #expect(!match.isExact)
    // The same file in a classification model needs no prefix.
    #expect(NameMap.match(file: shapes(file), model: shapes(file)).isExact)
  }

  @Test("a data-parallel wrapper's prefix is dropped")
  func wrapper() {
    let match = NameMap.match(
      file: shapes(["module.conv1.weight", "module.fc.bias"]), model: shapes(["backbone.body.conv1.weight"]))
    #expect(match.loaded.map(\.file) == ["module.conv1.weight"])
    #expect(match.skipped == ["module.fc.bias"])
  }

  @Test("batch normalisation's step counters are neither wanted nor reported, on either side")
  func counters() {
    let counter = "backbone.body.bn1.num_batches_tracked"
    #expect(NameMap.match(file: [NamedShape(counter, [])], model: []).isExact)
    #expect(NameMap.match(file: [], model: [NamedShape(counter, [])]).isExact)
  }

  @Test("the model's own spelling wins over an alias, whichever comes first; the other is skipped")
  func twoSpellings() {
    let own = "backbone.fpn.inner_blocks.0.0.weight"
    let alias = "backbone.fpn.inner_blocks.0.weight"
    for file in [[own, alias], [alias, own]] {
      let match = NameMap.match(file: shapes(file), model: shapes([own]))
      #expect(match.loaded.map(\.file) == [own])
      #expect(match.skipped == [alias])
    }
  }

  @Test("a tensor of another shape is reported with both shapes and not loaded")
  func otherShape() throws {
    let match = NameMap.match(
      file: [NamedShape("cls.weight", [819, 256, 3, 3]), NamedShape("a", [1]), NamedShape("extra", [])],
      model: [NamedShape("cls.weight", [810, 256, 3, 3]), NamedShape("a", [1])])
    #expect(match.loaded.map(\.model) == ["a"])
    #expect(match.missing == [])
    #expect(match.mismatched.count == 1)
    #expect(
      match.summary
        == "loaded 1; skipped 1 (extra); of another shape 1 (cls.weight: expected [810, 256, 3, 3], got [819, 256, 3, 3])"
    )
    let error = thrown(InputError.self) { try match.requireComplete(from: "x.safetensors") }
    #expect(error?.exitCode == .badData)
    #expect(
      error?.description == "x.safetensors: names: expected every tensor of the model, got \(match.summary); "
        + "check model.* of the configuration")
    // What the file has besides does no harm.
    try NameMap.match(file: shapes(["a", "b"]), model: shapes(["a"])).requireComplete(from: "x.safetensors")
  }
}

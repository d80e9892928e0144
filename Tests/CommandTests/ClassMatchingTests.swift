import Foundation
import TestSupport
import Testing

@testable import Checkpoints

/// Oracle: the same pictures, objects and weights give the same detections and figures, whatever numbers and order the
/// files give their classes.
@Suite(.serialized) struct ClassMatchingTests {
  /// A detection of a results file.
  private struct Detection: Codable, Equatable {
    var image_id: Int
    var category_id: Int
    let bbox: [Double]
    let score: Double
  }

  private func detections(_ path: String) throws -> [Detection] {
    try JSONDecoder().decode([Detection].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func object(_ path: String) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
  }

  /// Gives the categories of an annotation file, and its objects with them, other identifiers, in their order.
  private func renumber(_ path: String, _ number: (Int) -> Int) throws {
    var file = try object(path)
    func changed(_ list: Any?, _ key: String) throws -> [[String: Any]] {
      try #require(list as? [[String: Any]]).map { entry in
        var entry = entry
        entry[key] = number(try #require(entry[key] as? Int))
        return entry
      }
    }
    file["categories"] = try changed(file["categories"], "id")
    file["annotations"] = try changed(file["annotations"], "category_id")
    try JSONSerialization.data(withJSONObject: file).write(to: URL(fileURLWithPath: path))
  }

  /// Where a run's evaluation after its second step put its detections.
  private func results(_ run: String) -> String {
    "\(run)/evaluations/step-00000002/coco_instances_results.json"
  }

  @Test("validation categories are matched by name, results carry the file's own ids, predict those of the checkpoint")
  func categories() throws {
    let space = try Workspace()
    // 1 to 5 become 50, 10, 20, 30 and 40: another order, and other identifiers.
    func number(_ id: Int) -> Int { [50, 10, 20, 30, 40][id - 1] }
    try renumber(space.annotations("val"), number)
    let trained = try space.program(ranks: 1, space.train())
    #expect(trained.exitCode == 0, "\(trained)")
    let before = try detections(results(space.trained.run))
    #expect(Set(before.map(\.category_id)).count > 1, "a test that can fail needs several classes")
    let renumbered = before.map { detection in
      var detection = detection
      detection.category_id = number(detection.category_id)
      return detection
    }
    #expect(try detections(results(space.folder.file("run"))) == renumbered)

    // Evaluated on two ranks, the figures are those of the file with its own numbers.
    let (own, other) = (space.folder.file("own.json"), space.folder.file("other.json"))
    let arguments = ["evaluate", "--checkpoint", space.trained.run, "--json"]
    let plain = try space.program(ranks: 1, arguments + [own, "--set", "data.root=\(space.trained.data)"])
    let moved = try space.program(ranks: 2, arguments + [other, "--set", "data.root=\(space.data)"])
    #expect(plain.exitCode == 0 && moved.exitCode == 0, "\(plain)\n\(moved)")
    #expect(try object(own)["stats"] as? NSDictionary == object(other)["stats"] as? NSDictionary)
    let (figures, others) = (try object(own)["per_class_AP"], try object(other)["per_class_AP"])
    for id in 1...5 {
      let pair = [figures, others].map { ($0 as? [String: Double]) ?? [:] }
      #expect(pair[0]["\(id)"] == pair[1]["\(number(id))"] && pair[0]["\(id)"] != nil)
    }

    // No annotation file is needed for names and ids.
    let predicted = try space.program(ranks: 1, space.predict(1, 2) + ["--set", "data.root=/nowhere"])
    #expect(predicted.exitCode == 0 && predicted.errorOutput.isEmpty, "\(predicted)")
    #expect(try detections(space.folder.file("found/results.json")) == before.filter { $0.image_id <= 2 })
  }

  @Test("a validation file may list some of the categories, and the others are named")
  func subset() throws {
    let space = try Workspace()
    var file = try object(space.annotations("val"))
    let categories = try #require(file["categories"] as? [[String: Any]])
    file["categories"] = categories.filter { $0["id"] as? Int != 2 }
    file["annotations"] = try #require(file["annotations"] as? [[String: Any]]).filter {
      $0["category_id"] as? Int != 2
    }
    try JSONSerialization.data(withJSONObject: file).write(to: URL(fileURLWithPath: space.annotations("val")))
    let result = try space.program(ranks: 1, space.evaluate())
    #expect(result.exitCode == 0, "\(result)")
    let name = try #require(categories.first { $0["id"] as? Int == 2 }?["name"] as? String)
    #expect(result.output.contains("4 validation images of 4 of the 5 classes (none of \(name))"), "\(result)")
  }

  @Test("exported weights name their classes, for evaluate and for whoever starts from them")
  func weights() throws {
    let space = try Workspace()
    let file = space.folder.file("weights.safetensors")
    let exported = try space.program(ranks: 1, ["export", "--checkpoint", space.trained.run, "--output", file])
    #expect(exported.exitCode == 0, "\(exported)")
    for path in [file, "\(space.trained.run)/checkpoints/latest/model.safetensors"] {
      let text = try #require(SafetensorsFile(path: path).metadata["classes"])
      let list = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
      #expect(list.map { $0["id"] as? Int } == [1, 2, 3, 4, 5] && list.last?["name"] as? String == "cross")
    }
    for split in ["train", "val"] {
      try space.replace("\"name\": \"cross\"", "\"name\": \"plus\"", in: space.annotations(split))
    }
    let evaluated = try space.program(
      ranks: 1,
      ["evaluate", "--checkpoint", file, "--config", space.trained.configuration, "--set", "data.root=\(space.data)"])
    evaluated.expectError(65, ["class plus: expected one of the classes of the weights \(file)", "cross\n", "plus\n"])

    let started = try space.program(
      ranks: 1, space.train("--set", "model.initial_weights=\(file)", "--dry-run"))
    #expect(started.exitCode == 0, "\(started)")
    #expect(started.output.contains("cls_logits.weight: loaded, but for other classes: the file has "), "\(started)")
    let same = try space.program(
      ranks: 1,
      ["--config", space.trained.configuration, "--set", "data.root=\(space.trained.data)", "--dry-run"] + [
        "--output", space.folder.file("dry"), "--set", "model.initial_weights=\(file)",
      ])
    #expect(same.exitCode == 0 && same.output.contains("initial weights from "), "\(same)")
    #expect(!same.output.contains("for other classes"), "\(same)")
  }

  @Test("a checkpoint that names no classes goes on to work, with a warning; one that names them wrongly is error 65")
  func unnamed() throws {
    let space = try Workspace()
    let run = try space.copyOfRun()
    func write(_ classes: String?) throws {
      for step in 1...2 {
        let path = "\(run)/checkpoints/step-0000000\(step)/state.json"
        let file = try StateFile(path: path)
        var state = file.state
        state.extra["classes"] = classes
        try space.remove(path)
        try Data(StateFile(files: file.files, state: state).encoded()).write(to: URL(fileURLWithPath: path))
      }
    }
    try write(nil)
    let warning = "does not name its classes, as checkpoints of earlier versions"
    let evaluate = ["evaluate", "--checkpoint", run, "--set", "data.root=\(space.data)"]
    for arguments in [evaluate, space.train(), space.train("--set", "data.workers=2")] {
      let result = try space.program(ranks: 1, arguments)
      #expect(result.exitCode == 0 && result.errorLines("warning: ").count { $0.contains(warning) } == 1, "\(result)")
    }
    // Then the training annotations tell the classes where they are there; what is wrong with them is no reason to guess.
    try "{".write(toFile: space.annotations("train"), atomically: true, encoding: .utf8)
    try space.program(ranks: 1, evaluate).expectError(65, [space.annotations("train")])
    try space.remove(space.annotations("train"))
    let alone = try space.program(ranks: 1, evaluate)
    #expect(alone.exitCode == 0, "\(alone)")
    try write(#"[{"name":"a"},{"name":"a"}]"#)
    let wrong = try space.program(ranks: 2, evaluate)
    wrong.expectError(65, ["state.json: classes: expected a list of classes with names of their own"])
  }

  /// The mean loss and the number of images of an evaluation of class folders.
  private func figures(_ space: Workspace, _ folder: String) throws -> (loss: Double, images: Double, output: String) {
    let json = space.folder.file("figures.json")
    let result = try space.program(
      ranks: 1,
      ["evaluate", "--checkpoint", space.folder.file("run"), "--json", json, "--set", "data.root=\(folder)"])
    #expect(result.exitCode == 0, "\(result)")
    let figures = try object(json)
    return (try #require(figures["val_loss"] as? Double), try #require(figures["images"] as? Double), result.output)
  }

  @Test("class folders are those of the checkpoint by name: classes without images change nothing for the others")
  func folders() throws {
    let space = try Workspace()
    func copy(_ split: String, _ numbers: ClosedRange<Int>, to place: String) throws {
      try FileManager.default.createDirectory(atPath: space.folder.file(place), withIntermediateDirectories: true)
      for number in numbers {
        try FileManager.default.copyItem(
          atPath: space.picture(split, number), toPath: space.folder.file("\(place)/\(number).jpg"))
      }
    }
    for (kind, numbers) in [("ant", 1...2), ("bee", 3...5), ("cat", 6...8)] {
      try copy("train", numbers, to: "classes/train/\(kind)")
      try copy("train", numbers, to: "classes/val/\(kind)")
      for other in ["ant", "bee", "cat"] where other != kind {
        try copy("train", numbers, to: "without-\(other)/val/\(kind)")
      }
    }
    let trained = try space.program(ranks: 1, space.classify("image_folder"))
    #expect(trained.exitCode == 0, "\(trained)")
    let all = try figures(space, space.folder.file("classes"))
    #expect(all.output.contains("8 validation images in "))
    // Each class is in two of the three: their summed losses are twice that of all, unless labels are positions.
    var sum = 0.0
    for (kind, count) in [("ant", 6), ("bee", 5), ("cat", 5)] {
      let some = try figures(space, space.folder.file("without-\(kind)"))
      sum += some.loss * some.images
      #expect(some.output.contains("\(count) validation images of 2 of the 3 classes (none of \(kind))"), "\(some)")
      // An empty folder is a class without images too.
      try FileManager.default.createDirectory(
        atPath: space.folder.file("without-\(kind)/val/\(kind)"), withIntermediateDirectories: true)
      #expect(try figures(space, space.folder.file("without-\(kind)")).loss == some.loss)
    }
    #expect(abs(sum - 2 * all.loss * all.images) < 1e-6 * abs(sum), "\(sum) \(all)")

    try FileManager.default.moveItem(
      atPath: space.folder.file("without-bee/val/bee"), toPath: space.folder.file("without-bee/val/dog"))
    let strange = try space.program(
      ranks: 2,
      ["evaluate", "--checkpoint", space.folder.file("run"), "--set", "data.root=\(space.folder.file("without-bee"))"])
    strange.expectError(
      65,
      [
        "without-bee/val: class dog: expected one of the classes of the checkpoint", ": ant, bee, cat\n",
        ": ant, cat, dog\n",
      ])

    try space.remove(space.folder.file("classes/train/bee"))
    try space.remove(space.folder.file("classes/val/bee"))
    for ranks in [1, 2] {
      // Two ranks share the images of the update that one had.
      let batch = ["--set", "batch.per_rank=\(2 / ranks)"]
      let resumed = try space.program(ranks: ranks, space.classify("image_folder") + batch)
      resumed.expectError(
        65, ["classes/train: class bee: expected as in the checkpoint", ": ant, bee, cat\n", ": ant, cat\n"])
    }
    let doctor = try space.program(ranks: 1, ["doctor"] + space.classify("image_folder"))
    #expect(doctor.exitCode == 65 && doctor.output.contains("class bee: expected as in the checkpoint"), "\(doctor)")
  }
}

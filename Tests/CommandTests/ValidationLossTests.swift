import Foundation
import TestSupport
import Testing

/// A detector's validation losses wherever a run and `evaluate` write them.
///
/// Oracle: one rank, and each file the other.
@Suite(.serialized) struct ValidationLossTests {
  /// `JSONSerialization` would lose a last bit.
  private struct Losses: Decodable, Equatable {
    let val_loss: Double
    let val_loss_class: Double
    let val_loss_box: Double
  }

  /// Replaces the objects of the first validation image by nothing, and returns how many there were.
  private func emptyFirstImage(_ space: Workspace) throws -> Int {
    let path = space.annotations("val")
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var document = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let images = try #require(document["images"] as? [[String: Any]])
    let objects = try #require(document["annotations"] as? [[String: Any]])
    let first = try #require(images[0]["id"] as? Int)
    let left = objects.filter { $0["image_id"] as? Int != first }
    document["annotations"] = left
    try JSONSerialization.data(withJSONObject: document).write(to: URL(fileURLWithPath: path), options: .atomic)
    return objects.count - left.count
  }

  @Test("1, 2 and 3 ranks write the same bytes, also where an image has no objects")
  func ranks() throws {
    let space = try Workspace()
    func figures(_ ranks: Int) throws -> Data {
      let file = space.folder.file("figures-\(ranks).json")
      let result = try space.program(ranks: ranks, space.evaluate("--json", file))
      #expect(result.exitCode == 0 && result.output.contains("val_loss_class"), "\(result)")
      return try Data(contentsOf: URL(fileURLWithPath: file))
    }
    let whole = try figures(3)
    #expect(try emptyFirstImage(space) > 0)
    let one = try figures(1)
    #expect(try figures(2) == one && figures(3) == one)
    #expect(one != whole)
    let losses = try JSONDecoder().decode(Losses.self, from: one)
    #expect(
      losses.val_loss == losses.val_loss_class + losses.val_loss_box && losses.val_loss_class > 0
        && losses.val_loss_box > 0)
  }

  @Test(
    "auto evaluates a small set after every epoch and after the last step, null only then", arguments: ["auto", "null"])
  func interval(_ interval: String) throws {
    let space = try Workspace()
    let result = try space.program(
      ranks: 1, space.train("--set", "train.length=17 steps", "--set", "train.evaluate_every=\(interval)"))
    #expect(result.exitCode == 0, "\(result)")
    let rows = try String(contentsOfFile: "\(space.folder.file("run"))/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").filter { $0.contains("\"evaluation_seconds\"") }
    let steps = rows.compactMap { $0.firstMatch(of: #/"step": ?(\d+)/#).flatMap { Int($0.output.1) } }
    // Eight images, one a step.
    #expect(steps == (interval == "auto" ? [8, 16, 17] : [17]), "\(rows)")
  }

  @Test("a run's metrics.jsonl, its evaluation's file, TensorBoard and console have what evaluate finds")
  func run() throws {
    let space = try Workspace()
    let file = space.folder.file("figures.json")
    let evaluated = try space.program(ranks: 1, space.evaluate("--json", file))
    #expect(evaluated.exitCode == 0, "\(evaluated)")
    let figures = try Data(contentsOf: URL(fileURLWithPath: file))
    let losses = try JSONDecoder().decode(Losses.self, from: figures)
    let run = space.trained.run
    let written = try Data(contentsOf: URL(fileURLWithPath: "\(run)/evaluations/step-00000002/metrics.json"))
    #expect(written == figures)

    let rows = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    let row = try #require(rows.last { $0.contains("evaluation_seconds") })
    #expect(try JSONDecoder().decode(Losses.self, from: Data(row.utf8)) == losses)
    let shown = [losses.val_loss, losses.val_loss_class, losses.val_loss_box].map { String(format: "%.3f", $0) }
    for text in [try String(contentsOfFile: "\(run)/log.txt", encoding: .utf8), evaluated.output] {
      let line = try #require(text.split(separator: "\n").drop { !$0.contains("val_loss_class") }.dropFirst().first)
      #expect(line.split(separator: " ").suffix(3).map(String.init) == shown, "\(text)")
    }
    let events = try #require(FileManager.default.contentsOfDirectory(atPath: run).first { $0.contains("tfevents") })
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(run)/\(events)"))
    for name in ["val_loss", "val_loss_class", "val_loss_box"] {
      #expect(bytes.range(of: Data("evaluation/\(name)".utf8)) != nil, "\(name)")
    }
  }
}

import TestSupport
import Tensors
import Testing

@testable import Datasets
@testable import Training

/// Oracle: by hand; a class is the category of one name in both splits, whatever a validation file lists.
struct DetectionSplitTests {
  /// Two annotation files with these categories, of which the configuration says that they are the splits.
  private struct Files {
    let folder: TemporaryDirectory
    let configuration: Configuration

    init(training: [(Int, String)], validation: [(Int, String)], model: String) throws {
      folder = try TemporaryDirectory("categories")
      for (file, categories) in [("train.json", training), ("val.json", validation)] {
        let list = categories.map { #"{"id": \#($0.0), "name": "\#($0.1)"}"# }.joined(separator: ", ")
        try folder.write(
          #"{"images": [{"id": 1, "file_name": "1.jpg", "width": 9, "height": 9}], "annotations": [], "#
            + #""categories": [\#(list)]}"#, to: file)
      }
      configuration = try Configuration(
        text: """
          model: {\(model)}
          data:
            kind: coco
            train: {annotations: \(folder.file("train.json")), images: \(folder.path)}
            val: {annotations: \(folder.file("val.json")), images: \(folder.path)}

          """, name: "a.yaml")
    }

    /// The identifiers of the categories of the classes of a split.
    func identifiers(_ name: DetectionSplit.Name, matching classes: ExpectedClasses? = nil) throws -> [Int?] {
      let dataset = try DetectionSplit(name, of: configuration, matching: classes).dataset
      return (0..<configuration.model.classes).map { dataset.category(ofClass: $0)?.id }
    }
  }

  /// The identifiers of the classes of a split whose categories are named after their identifiers.
  private func identifiers(
    _ name: DetectionSplit.Name, training: [Int], validation: [Int], classes: Int
  ) throws -> [Int?] {
    try Files(
      training: training.map { ($0, "c\($0)") }, validation: validation.map { ($0, "c\($0)") },
      model: "form: paper, classes: \(classes)"
    ).identifiers(name)
  }

  private func message(_ body: () throws -> Void) -> String {
    let error = thrown(InputError.self) { try body() }
    #expect(error?.exitCode == .badData)
    return error?.description ?? ""
  }

  @Test("categories are counted in the training file; those of validation are the training file's of the same names")
  func numbering() throws {
    #expect(try identifiers(.train, training: [0, 1, 2], validation: [], classes: 3) == [0, 1, 2])
    #expect(try identifiers(.validation, training: [0, 1, 2], validation: [0, 1, 2], classes: 3) == [0, 1, 2])
    #expect(try identifiers(.validation, training: [1, 2, 3], validation: [1, 3], classes: 3) == [1, nil, 3])
    #expect(try identifiers(.validation, training: [0, 1, 2], validation: [1, 2], classes: 3) == [nil, 1, 2])
    // With more classes than categories ids are classes, as with COCO's 80 categories of 90.
    #expect(try identifiers(.validation, training: [1, 3], validation: [3], classes: 3) == [nil, nil, 3])
    #expect(
      message { _ = try identifiers(.validation, training: [0, 1, 2], validation: [1, 2, 3], classes: 3) }
        .contains("val.json: class c3: expected one of the classes of the training annotations"))
  }

  @Test("each validation category is the training class of its name, with the validation file's identifier")
  func names() throws {
    let training = [(1, "red"), (2, "green"), (3, "blue")]
    let shifted = try Files(
      training: training, validation: [(1, "green"), (2, "blue"), (3, "red")], model: "form: paper, classes: 3")
    #expect(try shifted.identifiers(.train) == [1, 2, 3] && shifted.identifiers(.validation) == [3, 1, 2])
    let classes = try DetectionSplit(.train, of: shifted.configuration).dataset.classes
    #expect(classes.names == ["red", "green", "blue"] && classes.entries.map { $0?.id } == [1, 2, 3])
    // Torchvision's class is the training file's identifier.
    let torchvision = try Files(
      training: training, validation: [(7, "blue"), (9, "green")], model: "form: torchvision, classes: 5")
    #expect(try torchvision.identifiers(.train) == [nil, 1, 2, 3, nil])
    #expect(try torchvision.identifiers(.validation) == [nil, nil, 9, 7, nil])
    #expect(
      try DetectionSplit(.train, of: torchvision.configuration).dataset.classes.entries.map { $0?.id } == [
        nil, 1, 2, 3,
      ])

    let renamed = try Files(
      training: training, validation: [(1, "red"), (2, "lime"), (3, "blue")], model: "form: paper, classes: 3")
    let error = message { _ = try renamed.identifiers(.validation) }
    #expect(error.contains("val.json: class lime: expected one of the classes of the training annotations"))
    #expect(error.contains("train.json: red, green, blue\n") && error.contains("val.json: red, lime, blue\n"))
  }

  @Test("a checkpoint's classes come before the training file's, and a run that goes on needs all of them")
  func expected() throws {
    let files = try Files(
      training: [(1, "green"), (2, "red")], validation: [(4, "red")], model: "form: paper, classes: 2")
    let expected = ExpectedClasses(ClassList(names: ["red", "green"]), at: "the checkpoint")
    #expect(try files.identifiers(.train) == [1, 2])
    #expect(try files.identifiers(.train, matching: expected) == [2, 1])
    #expect(try files.identifiers(.validation, matching: expected) == [4, nil])
    let more = ExpectedClasses(ClassList(names: ["red", "green", "blue"]), at: "the checkpoint")
    #expect(
      message { _ = try files.identifiers(.train, matching: more) }.contains(
        "class blue: expected as in the checkpoint"))
  }

  @Test("categories without a name, or with the same one, are error 65: nothing tells them apart")
  func ambiguous() throws {
    let twice = try Files(
      training: [(0, "fish"), (1, "crab"), (2, "fish")], validation: [], model: "form: paper, classes: 3")
    #expect(
      message { _ = try twice.identifiers(.train) }
        .contains("train.json: categories 0 and 2: expected names of their own, got fish twice"))
    let least = try Files(training: [(Int.min, "fish")], validation: [], model: "form: paper, classes: 2")
    #expect(message { _ = try least.identifiers(.train) }.contains("would be class \(Int.max)"))
    let nameless = try Files(training: [(0, "fish"), (1, "")], validation: [], model: "form: paper, classes: 2")
    #expect(
      message { _ = try nameless.identifiers(.train) }.contains("train.json: category 1: expected a \"name\", got none")
    )
  }
}

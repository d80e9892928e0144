import TestSupport
import Tensors
import Testing

@testable import Datasets
@testable import Training

/// Oracle: by hand; a class is the same category in both splits, whatever a validation file lists.
struct DetectionSplitTests {
  /// The categories of the classes of a split, whose annotation files list these ids.
  private func identifiers(
    _ name: DetectionSplit.Name, training: [Int], validation: [Int], classes: Int
  ) throws -> [Int?] {
    let folder = try TemporaryDirectory("categories")
    for (file, ids) in [("train.json", training), ("val.json", validation)] {
      let categories = ids.map { #"{"id": \#($0), "name": "c\#($0)"}"# }.joined(separator: ", ")
      try folder.write(
        #"{"images": [{"id": 1, "file_name": "1.jpg", "width": 9, "height": 9}], "annotations": [], "#
          + #""categories": [\#(categories)]}"#, to: file)
    }
    let configuration = try Configuration(
      text: """
        model: {form: paper, classes: \(classes)}
        data:
          kind: coco
          train: {annotations: \(folder.file("train.json")), images: \(folder.path)}
          val: {annotations: \(folder.file("val.json")), images: \(folder.path)}

        """, name: "a.yaml")
    let dataset = try DetectionSplit(name, of: configuration).dataset
    return (0..<classes).map { dataset.category(ofClass: $0)?.id }
  }

  @Test("categories are counted in the training file; one of validation that lists fewer has the same classes or is 65")
  func numbering() throws {
    #expect(try identifiers(.train, training: [0, 1, 2], validation: [], classes: 3) == [0, 1, 2])
    #expect(try identifiers(.validation, training: [0, 1, 2], validation: [0, 1, 2], classes: 3) == [0, 1, 2])
    #expect(try identifiers(.validation, training: [1, 2, 3], validation: [1, 3], classes: 3) == [1, nil, 3])
    // With more classes than categories ids are classes, as with COCO's 80 categories of 90.
    #expect(try identifiers(.validation, training: [1, 3], validation: [3], classes: 3) == [nil, nil, 3])
    // Three classes, and counted by itself this file would number its categories as the training file does not.
    for validation in [[1, 2], [1, 2, 3]] {
      let error = #expect(throws: InputError.self) {
        try identifiers(.validation, training: [0, 1, 2], validation: validation, classes: 3)
      }
      #expect(error?.exitCode == .badData && error?.description.contains("only one of the two has") == true)
    }
  }
}

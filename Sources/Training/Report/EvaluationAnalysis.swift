import Datasets
import Foundation
import Tensors

/// What a report shows of an evaluation beside its figures, so that it needs neither data nor model: `analysis.json`.
struct EvaluationAnalysis: Codable, Equatable {
  /// A class with the figure that the console shows of it.
  struct ClassFigure: Codable, Equatable {
    let name: String
    /// -1 where there is nothing of the class.
    let value: Double
  }

  /// A picture that is shown, in the directory of the examples.
  struct Example: Codable, Equatable {
    /// The name of the file.
    let file: String
    /// What it shows.
    let caption: String
  }

  /// Precision over recall of a class, at the recalls 0, 0.01, ..., 1.
  struct PrecisionCurve: Codable, Equatable {
    let name: String
    let precision: [Double]
  }

  /// The classes in the order of their numbers.
  var classes: [ClassFigure]
  /// Classes that a confusion matrix has, at most: of more there is none.
  static let confusedClasses = 30

  /// The names of the confusion matrix's rows and columns; empty without one.
  var confusionNames: [String] = []
  /// How often what each row names was taken for what each column names.
  var confusion: [[Int]] = []
  /// What is counted there, in words.
  var confusionUnit = ""
  /// A detector's curves of the classes that have objects.
  var precisionCurves: [PrecisionCurve] = []
  /// Pictures with what was found in them; the task chooses which.
  var examples: [Example] = []

  private enum CodingKeys: String, CodingKey {
    case classes, confusion, examples
    case confusionNames = "confusion_names"
    case confusionUnit = "confusion_unit"
    case precisionCurves = "precision_curves"
  }

  /// The analysis that a file holds, nil where there is none.
  ///
  /// - Throws: `InputError` with code 65 for a file that no evaluation has written.
  init?(file path: String) throws {
    guard FilePath(path).exists else { return nil }
    var bytes: [UInt8] = []
    try readFile(path, into: &bytes)
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(bytes))
    } catch {
      throw InputError(.badData, "\(path): expected what an evaluation writes, got other JSON; evaluate again")
    }
  }

  /// An analysis with the figures of the classes alone.
  init(classes: [(name: String, value: Double)]) {
    self.classes = classes.map { ClassFigure(name: $0.name, value: $0.value) }
  }
}

extension EvaluationDirectory {
  /// What a report shows of the evaluation.
  var analysisFile: String { "\(path)/analysis.json" }
  /// The directory of the pictures that a report shows.
  var examples: String { "\(path)/examples" }

  /// Pixels of the longer side of what is drawn on for an example, at most: letters are drawn as they are shown.
  static let exampleSide = 480

  /// Writes a picture that a report shows, as a JPEG file; throws 73.
  func writeExample(_ picture: RGBImage, as name: String) throws {
    try writeFile(picture.jpegFile(quality: 82), to: "\(examples)/\(name)")
  }
}

import Datasets
import Detection
import Tensors

/// `predict` of a detector: boxes as COCO results, and the images with the boxes drawn.
///
/// Names and ids of categories are the checkpoint's. Where it names none, they are those of the validation annotations, if
/// these can be had, else the ids are the class numbers.
struct DetectionPrediction: TaskPrediction {
  private let predictor: Predictor
  private let classes: ClassList?
  /// Detections below this score are written but not drawn.
  private let drawnScore: Float
  private var results: [COCOResult] = []
  /// Detections of numbers that stand for no category.
  private var namelessCount = 0

  init(_ detector: Detector, _ trained: TrainedModel, drawnScore: Float?) {
    predictor = Predictor(detector, engine: trained.engine, store: trained.store)
    classes = trained.classes?.list ?? (try? DetectionSplit(.validation, of: trained.configuration).dataset.classes)
    self.drawnScore = drawnScore ?? Float(DetectionOutcomes.leastScore)
  }

  var categories: [COCOCategory] { classes?.categories ?? [] }

  mutating func predict(_ image: RGBImage, id: Int, drawing path: String) throws -> String {
    let all = try predictor.detections(in: image)
    let detections = classes.map { classes in all.filter { classes[$0.classIndex] != nil } } ?? all
    namelessCount += all.count - detections.count
    results += detections.map { detection in
      COCOResult(
        detection, imageID: id, categoryID: classes?[detection.classIndex]?.id ?? detection.classIndex)
    }
    let drawn = detections.filter { $0.score >= drawnScore }
    try draw(drawn, on: image, classes: classes).write(to: path)
    return "\(drawn.count) objects from score \(drawnScore) on"
  }

  func finish(in directory: String) throws -> [String] {
    try COCOResults.write(results, to: "\(directory)/results.json")
    return (namelessCount > 0 ? ["left out: \(namelessCount) detections of numbers that stand for no category"] : [])
      + ["\(results.count) detections -> \(directory)/results.json"]
  }
}

/// An image with its detections drawn on it.
func draw(_ detections: [Detection], on image: RGBImage, classes: ClassList?) -> RGBImage {
  image.drawing(
    detections.map { detection in
      LabeledBox(
        corners: SIMD4(detection.box.x1, detection.box.y1, detection.box.x2, detection.box.y2),
        label: classes?.name(detection.classIndex) ?? "class \(detection.classIndex)",
        score: detection.score, classNumber: detection.classIndex)
    })
}

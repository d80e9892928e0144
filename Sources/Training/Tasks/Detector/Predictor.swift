import Datasets
import Detection
import Graph
import Models
import Regularization
import Tensors

/// Runs a detector over single images of any size with the weights of a parameter store.
final class Predictor {
  private let detector: Detector
  private let plans: SizedPlans<(levels: [RetinaNet.Level], anchors: Anchors)>
  private let transform: ImageTransform
  private let settings: PostProcessing
  private var scratch = RenderScratch()

  /// A predictor with the weights of `store`, which may go on to change between calls of `weightsChanged`.
  ///
  /// Raw outputs become detections by `settings`, or as the detector's form publishes it.
  init(_ detector: Detector, engine: Engine, store: ParameterStore, settings: PostProcessing? = nil) {
    self.detector = detector
    plans = SizedPlans(engine: engine, store: store, precision: detector.configuration.precision) {
      height, width, masking in
      let (graph, levels) = detector.inferenceGraph(height: height, width: width, masking: masking)
      return (graph, (levels, detector.anchors(height: height, width: width)))
    }
    transform = detector.evaluationTransform
    self.settings = settings ?? PostProcessing(form: detector.form)
  }

  /// Says that the weights have changed since the last image.
  func weightsChanged() { plans.weightsChanged() }

  /// The detections of the image that a reader holds, in its own pixels, best first.
  func detections(in reader: ImageReader) throws -> [Detection] { try detections(in: reader.image) }

  /// The detections of a picture, in its own pixels, best first; `number` is that of an image with masks.
  func detections(
    in image: RGBImage, _ dropBlock: InferenceDropBlock = .off, number: Int = 0
  ) throws -> [Detection] {
    let placement = try transform.evaluationPlacement(width: image.width, height: image.height)
    let (plan, (levels, anchors)) = plans.plan(
      height: placement.canvasHeight, width: placement.canvasWidth, masking: dropBlock.selection)
    transform.render(image, placement, into: plan.inputImages, scratch: &scratch)
    plan.forward(dropBlock.context(firstImage: number))
    let predictions = levels.map {
      LevelPredictions(logits: plan.output($0.logits), regressions: plan.output($0.boxes))
    }
    return anchors.detections(
      predictions, classCount: detector.network.classes, channelBlock: plan.channelBlock,
      placement: ImagePlacement(
        height: placement.resizedHeight, width: placement.resizedWidth, originalHeight: image.height,
        originalWidth: image.width), settings: settings)
  }
}

extension Detector {
  /// How images are resized and padded where they are not augmented.
  var evaluationTransform: ImageTransform {
    var transform: ImageTransform
    switch configuration.input.evaluation.rule {
    case .fixed(let size):
      transform = ImageTransform(.paper(height: size.height, width: size.width, scale: 1...1))
    case .bounded(let bounds):
      transform = ImageTransform(.torchvision(minimumSize: bounds.shortSide, maximumSize: bounds.longSideMaximum))
    }
    (transform.mean, transform.deviation) = configuration.normalization
    return transform
  }
}

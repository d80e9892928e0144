import Datasets
import Detection
import Graph
import Models
import Regularization
import Tensors

/// Runs a detector over single images of any size with the weights of a parameter store.
final class Predictor {
  let detector: Detector
  private let plans: SizedPlans<(levels: [RetinaNet.Level], anchors: Anchors)>
  private let transform: ImageTransform
  private let settings: PostProcessing
  private let hasLosses: Bool
  private var scratch = RenderScratch()

  /// A predictor with the weights of `store`, which may go on to change between calls of `weightsChanged`.
  ///
  /// Raw outputs become detections by `settings`, or as the detector's form publishes it. Only with losses it can `judge`.
  init(
    _ detector: Detector, engine: Engine, store: ParameterStore, settings: PostProcessing? = nil,
    withLosses: Bool = false
  ) {
    self.detector = detector
    plans = SizedPlans(engine: engine, store: store, precision: detector.configuration.precision) {
      height, width, masking in
      let (graph, levels) = detector.inferenceGraph(
        height: height, width: width, masking: masking, withLosses: withLosses)
      return (graph, (levels, detector.anchors(height: height, width: width)))
    }
    transform = detector.evaluationTransform
    self.settings = settings ?? PostProcessing(form: detector.form)
    hasLosses = withLosses
  }

  /// Says that the weights have changed since the last image.
  func weightsChanged() { plans.weightsChanged() }

  /// The detections of a picture, in its own pixels, best first.
  func detections(in image: RGBImage) throws -> [Detection] {
    try run(image, KnownObjects(), .off, number: 0).detections
  }

  /// The detections of a picture, as `detections(in:)` finds them, and the losses against its objects.
  ///
  /// The losses are those of training with this picture as the whole batch: its objects are placed on the canvas of
  /// evaluation, and that canvas's anchors matched with them, as in training. `number` is that of an image with masks.
  func judge(
    _ image: RGBImage, _ objects: KnownObjects, _ dropBlock: InferenceDropBlock = .off, number: Int = 0
  ) throws -> (detections: [Detection], losses: ImageLosses) {
    let (detections, targets) = try run(image, objects, dropBlock, number: number)
    guard let targets else { fatalError("a predictor without losses cannot judge") }
    return (detections, ImageLosses(classLoss: targets.classLoss, boxLoss: targets.boxLoss))
  }

  /// Runs the network over a picture; the targets, where there are losses, hold these.
  private func run(
    _ image: RGBImage, _ objects: KnownObjects, _ dropBlock: InferenceDropBlock, number: Int
  ) throws -> (detections: [Detection], targets: DetectionTargets?) {
    let placement = try transform.evaluationPlacement(width: image.width, height: image.height)
    let (plan, (levels, anchors)) = plans.plan(
      height: placement.canvasHeight, width: placement.canvasWidth, masking: dropBlock.selection)
    let targets = hasLosses ? detector.lossTargets([anchors.targets(objects.placed(transform, placement))]) : nil
    transform.render(image, placement, into: plan.inputImages, scratch: &scratch)
    var context = dropBlock.context(firstImage: number)
    context.targets = targets
    plan.forward(context)
    let predictions = levels.map {
      LevelPredictions(logits: plan.output($0.logits), regressions: plan.output($0.boxes))
    }
    let detections = anchors.detections(
      predictions, classCount: detector.network.classes, channelBlock: plan.channelBlock,
      placement: ImagePlacement(
        height: placement.resizedHeight, width: placement.resizedWidth, originalHeight: image.height,
        originalWidth: image.width), settings: settings)
    return (detections, targets)
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

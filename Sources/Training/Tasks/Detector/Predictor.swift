import Datasets
import Detection
import Graph
import Models
import Regularization
import Tensors

/// Runs a detector over single images of any size with the weights of a parameter store.
///
/// Each padded size has a plan of its own, made without timing, and another one where masks act; the last few are kept.
final class Predictor {
  private let detector: Detector
  private let engine: Engine
  private let store: ParameterStore
  private let transform: ImageTransform
  private let settings: PostProcessing
  private var scratch = RenderScratch()
  private var plans: [SizedPlan] = []
  /// Plans of different image sizes that are kept.
  private static let planLimit = 4

  private struct SizedPlan {
    let height: Int
    let width: Int
    let masking: MaskSelection
    let plan: Plan
    let levels: [RetinaNet.Level]
    let anchors: Anchors
  }

  /// A predictor with the weights of `store`, which may go on to change between calls of `weightsChanged`.
  ///
  /// Raw outputs become detections by `settings`, or as the detector's form publishes it.
  init(_ detector: Detector, engine: Engine, store: ParameterStore, settings: PostProcessing? = nil) {
    (self.detector, self.engine, self.store) = (detector, engine, store)
    transform = detector.evaluationTransform
    self.settings = settings ?? PostProcessing(form: detector.form)
  }

  /// Says that the weights have changed since the last image.
  func weightsChanged() {
    for sized in plans { sized.plan.parametersChanged() }
  }

  /// The detections of the image that a reader holds, in its own pixels, best first.
  func detections(in reader: ImageReader) throws -> [Detection] { try detections(in: reader.image) }

  /// The detections of a picture, in its own pixels, best first; `number` is that of an image with masks.
  func detections(
    in image: RGBImage, _ dropBlock: InferenceDropBlock = .off, number: Int = 0
  ) throws -> [Detection] {
    let placement = try transform.evaluationPlacement(width: image.width, height: image.height)
    let sized = plan(
      height: placement.canvasHeight, width: placement.canvasWidth, masking: dropBlock.selection)
    transform.render(image, placement, into: sized.plan.inputImages, scratch: &scratch)
    sized.plan.forward(dropBlock.context(firstImage: number))
    let levels = sized.levels.map {
      LevelPredictions(logits: sized.plan.output($0.logits), regressions: sized.plan.output($0.boxes))
    }
    return sized.anchors.detections(
      levels, classCount: detector.network.classes, channelBlock: sized.plan.channelBlock,
      placement: ImagePlacement(
        height: placement.resizedHeight, width: placement.resizedWidth, originalHeight: image.height,
        originalWidth: image.width), settings: settings)
  }

  private func plan(height: Int, width: Int, masking: MaskSelection) -> SizedPlan {
    let known = plans.firstIndex { $0.height == height && $0.width == width && $0.masking == masking }
    if let index = known {
      let sized = plans.remove(at: index)
      plans.append(sized)
      return sized
    }
    let (graph, levels) = detector.inferenceGraph(height: height, width: width, masking: masking)
    let sized = SizedPlan(
      height: height, width: width, masking: masking,
      plan: Plan(
        graph, engine: engine, mode: .inference, precision: detector.configuration.precision, policy: .estimated,
        sharing: store),
      levels: levels,
      anchors: detector.anchors(height: height, width: width))
    if plans.count == Self.planLimit { plans.removeFirst() }
    plans.append(sized)
    return sized
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

  /// How training images are scaled, flipped and cropped.
  var trainingTransform: ImageTransform {
    let input = configuration.input
    var transform = ImageTransform(
      .paper(
        height: input.size.height, width: input.size.width,
        scale: Float(input.scaleMinimum)...Float(input.scaleMaximum)))
    transform.flipProbability = Float(input.flip)
    (transform.mean, transform.deviation) = configuration.normalization
    return transform
  }
}

import Datasets
import Graph
import Segmentation
import Tensors

/// Runs a segmentation over single images of any size with the weights of a parameter store.
///
/// As in the official code images are never resized: each stands in the upper left of the segmenter's canvas. One that is
/// larger gets a canvas of its own, whose sides are 1 more than a multiple of 32.
final class ClassPredictor {
  private let segmenter: Segmenter
  private let plans: SizedPlans<Value>
  private let transform: ImageTransform
  private var scratch = RenderScratch()

  /// A predictor with the weights of `store`, which may go on to change between calls of `weightsChanged`.
  init(_ segmenter: Segmenter, engine: Engine, store: ParameterStore) {
    self.segmenter = segmenter
    plans = SizedPlans(engine: engine, store: store, precision: segmenter.configuration.precision) {
      height, width, masking in
      let (graph, logits) = segmenter.inferenceGraph(height: height, width: width, masking: masking)
      return (graph, logits)
    }
    transform = segmenter.configuration.scaleJitter
  }

  /// Says that the weights have changed since the last image.
  func weightsChanged() { plans.weightsChanged() }

  /// The likeliest class of each pixel of a picture; `number` is that of an image with masks of DropBlock.
  func mask(of image: RGBImage, _ dropBlock: InferenceDropBlock = .off, number: Int = 0) -> ClassMask {
    let canvas = canvas(height: image.height, width: image.width)
    let (plan, logits) = plans.plan(height: canvas.height, width: canvas.width, masking: dropBlock.selection)
    let placement = Placement.unscaled(width: image.width, height: image.height, canvas: canvas)
    transform.render(image, placement, into: plan.inputImages, scratch: &scratch)
    plan.forward(dropBlock.context(firstImage: number))
    let likeliest = LikeliestClasses(logits: (logits.shape.h, logits.shape.w), canvas: canvas)
    let classes = likeliest(plan.canonicalOutput(logits)[...], height: image.height, width: image.width)
    return ClassMask(width: image.width, height: image.height, classes: classes)
  }

  /// Rows and columns of the canvas of an image.
  private func canvas(height: Int, width: Int) -> (height: Int, width: Int) {
    func side(_ pixels: Int, _ usual: Int) -> Int { pixels <= usual ? usual : (pixels + 30) / 32 * 32 + 1 }
    let usual = segmenter.canvas
    return (side(height, usual.height), side(width, usual.width))
  }
}

extension Segmenter {
  /// The canvas of the images that it can hold: `input.evaluation.size`, its sides made 1 more than a multiple of 8.
  ///
  /// Training labels a logit with every eighth pixel. With aligned corners logits are spread to these pixels only on such sides;
  /// on one of 640 the last would be drawn out by 7 pixels.
  var canvas: Configuration.ImageSize {
    func side(_ pixels: Int) -> Int { (pixels + 6) / 8 * 8 + 1 }
    let size = configuration.input.evaluation.size ?? configuration.input.size
    return Configuration.ImageSize(height: side(size.height), width: side(size.width))
  }
}

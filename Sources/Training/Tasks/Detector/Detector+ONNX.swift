import Detection
import Graph
import Models
import ONNX

extension Detector {
  static var evaluatedSizeKey: String { "input.evaluation.size" }

  /// The network with its predictions for all anchors, or with detections, as outputs.
  ///
  /// Raw: `class_logits` (N, anchors, K), `box_codes` (N, anchors, 4) and the `anchors` (anchors, 4) themselves, in the order
  /// of `Anchors`. Decoded: `boxes` (D, 4), `scores` (D) and `labels` (D), best first; of a batch with several images each has
  /// outputs of its own, `boxes_0` and so on.
  func onnxGraph(_ settings: ONNXSettings, weights: ParameterStore) throws -> ONNXGraph {
    let size = try exportedSize
    let (graph, levels) = inferenceGraph(images: settings.images, height: size.height, width: size.width)
    let translation = try ONNXTranslation(graph, weights: weights, foldsBatchNorm: settings.foldsBatchNorm)
    let onnx = translation.onnx
    let rows = zip(Anchors.pyramidLevels, levels).map { number, level in
      AnchorRows(
        logits: anchorRows(of: level.logits, "class_logits.p\(number)", width: network.classes, translation),
        codes: anchorRows(of: level.boxes, "box_codes.p\(number)", width: 4, translation))
    }
    let anchors = anchors(height: size.height, width: size.width)
    if settings.decodesBoxes {
      let decoding = ONNXDetections(
        onnx, anchors: anchors, classes: network.classes, size: size, settings: PostProcessing(form: form))
      for image in 0..<settings.images {
        decoding.addOutputs(of: image, rows, suffix: settings.images == 1 ? "" : "_\(image)")
      }
    } else {
      addRawOutputs(to: onnx, rows, anchors, images: settings.images)
    }
    return onnx
  }

  /// Rows and columns of an exported input: those of the fixed canvas, or of that of a picture that lies across and is as long
  /// as the bounds allow.
  private var exportedSize: Configuration.ImageSize {
    get throws {
      switch configuration.input.evaluation.rule {
      case .fixed(let size): return size
      case .bounded(let bounds):
        let placement = try evaluationTransform.evaluationPlacement(
          width: bounds.longSideMaximum, height: bounds.shortSide)
        return Configuration.ImageSize(height: placement.canvasHeight, width: placement.canvasWidth)
      }
    }
  }

  /// A level's maps (N, A * width, H, W) with a row for each anchor: (N, H * W * A, width).
  private func anchorRows(
    of value: Value, _ name: String, width: Int, _ translation: ONNXTranslation
  ) -> String {
    let (onnx, shape) = (translation.onnx, value.shape)
    let apart = onnx.constant("\(name)/apart", [shape.n, network.anchors, width, shape.h, shape.w])
    let maps = onnx.add("Reshape", "\(name)/maps", [translation.name(of: value), apart])
    let turned = onnx.add(
      "Transpose", "\(name)/turned", [maps], [ONNXAttribute("perm", .integers([0, 3, 4, 1, 2]))])
    let together = onnx.constant("\(name)/together", [shape.n, shape.area * network.anchors, width])
    return onnx.add("Reshape", name, [turned, together])
  }

  private func addRawOutputs(to onnx: ONNXGraph, _ levels: [AnchorRows], _ anchors: Anchors, images: Int) {
    let axis = ONNXAttribute("axis", .integer(1))
    let corners = onnx.constant(
      "anchor_corners", shape: [anchors.count, 4],
      (0..<anchors.count).flatMap { [anchors[$0].x1, anchors[$0].y1, anchors[$0].x2, anchors[$0].y2] })
    let (logits, codes) = (levels.map(\.logits), levels.map(\.codes))
    let order =
      switch form {
      case .paper: "(dy, dx, log height, log width)"
      case .torchvision: "(dx, dy, log width, log height)"
      }
    onnx.addOutput(
      ONNXPort(
        onnx.add("Concat", "class_logits", logits, [axis]), [images, anchors.count, network.classes],
        "Class logits of each anchor; the sigmoid of one is the score."))
    onnx.addOutput(
      ONNXPort(
        onnx.add("Concat", "box_codes", codes, [axis]), [images, anchors.count, 4],
        "Boxes relative to the anchors: \(order), shifts in anchor sizes."))
    onnx.addOutput(
      ONNXPort(
        onnx.add("Identity", "anchors", [corners]), [anchors.count, 4],
        "The anchors (x1, y1, x2, y2) in pixels of the images."))
  }
}

/// The predictions of a level as names of ONNX values with a row for each anchor.
struct AnchorRows {
  /// Class logits, (N, anchors, K).
  let logits: String
  /// Box codes, (N, anchors, 4).
  let codes: String
}

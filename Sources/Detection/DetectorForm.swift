/// Which of the two published RetinaNets the geometry follows.
///
/// They differ in anchors, matching, box coding, post-processing and in how categories become class indices.
public enum DetectorForm: String, Sendable, CaseIterable {
  /// The DropBlock paper's detector: the official TensorFlow RetinaNet.
  case paper
  /// `retinanet_resnet50_fpn` of torchvision.
  case torchvision
}

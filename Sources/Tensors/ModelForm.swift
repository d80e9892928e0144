/// Whose published details a network and its geometry follow.
public enum ModelForm: String, CaseIterable, Sendable {
  /// The DropBlock paper and its official TensorFlow code.
  ///
  /// In a ResNet: SAME pooling, truncated-normal weights, the last scale of every block starts at 0. In a RetinaNet: its anchors,
  /// matching, box coding and post-processing, batch-norm in pyramid and heads, and categories counted from 1.
  case paper
  /// torchvision, with `retinanet_resnet50_fpn` for detectors.
  ///
  /// In a ResNet: symmetric padding, He weights, all scales start at 1. In a RetinaNet: its anchors, matching, box coding and
  /// post-processing, no batch-norm in pyramid and heads, and raw category ids as classes.
  case torchvision
}

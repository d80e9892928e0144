/// Whose DropBlock is followed: the paper's official code, or one that was published elsewhere, with its defects.
///
/// The modes differ in where blocks may start, in the block's size on small maps and in gamma, the probability of a
/// start. Rates below are for a keep probability of 0.9 and blocks of 7. Schedule, groups, scaling by group and sites are
/// settings of their own.
public enum DropBlockMode: String, CaseIterable, Hashable, Sendable {
  /// The paper and its official ResNet code: blocks lie inside the map and are clamped to it; 9.3 % at 14x14.
  case paper
  /// TensorFlow's later detection code, and KerasCV's layer, which is a port of it.
  ///
  /// The last valid row is found with the map's width, so a map that is wider than high loses blocks over its lower edge
  /// (10.4 % at 25x42, the bottom row four times too often) and one that is higher than wide keeps its lower rows (5.0 %
  /// at 42x25). Of gamma only the block's area is clamped to the map, and blocks are painted in full size; a map one
  /// smaller than the block divides by zero.
  case tpuDetection = "tpu_detection"
  /// torchvision's `drop_block2d`: as the paper, for odd blocks only.
  case torchvision
  /// timm since 1.0.23: one mask for all channels of a sample, and blocks that start anywhere and are cut at the edges.
  ///
  /// gamma is still that of blocks which lie inside, so far too much is dropped: 93 % at 7x7, 20.5 % at 14x14.
  case timm
  /// timm before 1.0.23 in its fast form: as `timm`, but each channel has a mask, and gamma has two block sizes.
  ///
  /// The area is that of the clamped block, the rest has the block as stated: it fails on maps one smaller than the block
  /// and on those that the block fits in one direction only. Odd blocks only.
  case timmOld = "timm_old"
  /// mmdetection's plugin: as the paper, for odd blocks that fit into the map, with a ramp over the first 2000 steps.
  ///
  /// The plugin forgets its place in the ramp when a run is resumed; here the ramp goes by the step of the run.
  case mmdetection
  /// The package keras-drop-block: as the paper without clamping, so a map smaller than the block keeps everything.
  case kerasDropBlock = "keras_drop_block"

  /// Whether all channels of a sample have the same mask whatever else is asked for.
  public var isAlwaysShared: Bool {
    switch self {
    case .timm: true
    case .paper, .tpuDetection, .torchvision, .timmOld, .mmdetection, .kerasDropBlock: false
    }
  }

  /// Steps in which the drop rate rises from nothing to what is asked for.
  public var rampSteps: Int {
    switch self {
    case .mmdetection: 2000
    case .paper, .tpuDetection, .torchvision, .timm, .timmOld, .kerasDropBlock: 0
    }
  }

  /// What is added to the number of kept elements before it divides.
  var countOffset: Double {
    switch self {
    case .paper, .tpuDetection, .kerasDropBlock: 0
    case .torchvision, .mmdetection, .timmOld: 1e-6
    case .timm: 1e-7
    }
  }
}

import Tensors

extension ModelForm {
  /// Pixels that the width and height of boxes, and of what they share, have more where their overlap is measured.
  public var overlapPixel: Float {
    switch self {
    case .paper: 1
    case .torchvision: 0
    }
  }
}

/// Greedy non-maximum suppression within each class: boxes are offered best first, and one that overlaps a kept box of
/// its class by more than the threshold is dropped.
struct NonMaximumSuppression {
  private let pixel: Float
  private let overlapThreshold: Float
  private var kept: [[Box]]

  /// Suppression among `classCount` classes; the paper's form measures boxes with a pixel added to each side.
  init(form: ModelForm, classCount: Int, overlapThreshold: Float) {
    pixel = form.overlapPixel
    self.overlapThreshold = overlapThreshold
    kept = Array(repeating: [], count: classCount)
  }

  /// Whether the next box survives; it is remembered if so.
  mutating func keeps(_ box: Box, classIndex: Int) -> Bool {
    let area = (box.width + pixel) * (box.height + pixel)
    for other in kept[classIndex] {
      let width = max(min(box.x2, other.x2) - max(box.x1, other.x1) + pixel, 0)
      let height = max(min(box.y2, other.y2) - max(box.y1, other.y1) + pixel, 0)
      let shared = width * height
      let otherArea = (other.width + pixel) * (other.height + pixel)
      // Two boxes without area give 0 / 0, which suppresses nothing.
      if shared / (otherArea + area - shared) > overlapThreshold { return false }
    }
    kept[classIndex].append(box)
    return true
  }
}

import Regularization
import Tensors

/// The mask of one site in the current step: bits in the activation's order, and the factor that keeps its
/// expected size.
///
/// The mask does not depend on the data, so all masks of a step are drawn before it.
final class MaskSlot {
  let site: MaskSite
  private let channelBlock: Int
  private let wordCount: Int
  private var memory: AlignedMemory?
  private(set) var kept = 0
  private(set) var isActive = false
  private(set) var factor: Float = 1

  init(_ site: MaskSite, channelBlock: Int) {
    self.site = site
    self.channelBlock = channelBlock
    wordCount = MaskLayout(shape: site.shape, channelBlock: channelBlock).wordCount
  }

  /// Reserves the bits; untouched until the regulariser is on.
  func allocate() { memory = AlignedMemory(byteCount: wordCount * 2) }

  /// The bits and the factor, or nil when everything is kept.
  var bits: DropMask? {
    isActive ? memory.map { DropMask(words: $0.pointer(to: UInt16.self), factor: factor) } : nil
  }

  /// The bits as they lie in memory, or nil when everything is kept.
  var words: UnsafeRawBufferPointer? {
    isActive ? memory.map { UnsafeRawBufferPointer(start: $0.base, count: wordCount * 2) } : nil
  }

  /// Draws the mask of a step, or switches it off.
  func draw(_ step: RegularizationStep?, number: Int) {
    (isActive, factor, kept) = (false, 1, site.shape.count)
    guard let step, let memory else { return }
    let keepProbability = step.keepProbabilities.at(site.place)
    if keepProbability >= 1 { return }
    isActive = true
    kept = step.regularizer.fillMask(
      UnsafeMutableBufferPointer(start: memory.pointer(to: UInt16.self), count: wordCount), shape: site.shape,
      channelBlock: channelBlock, keepProbability: keepProbability, stream: step.stream, step: number,
      layer: site.index)
    normalize(step, elements: site.shape.count, kept: kept)
  }

  /// What timelines call the drawing of this mask.
  var label: WorkLabel { WorkLabel(site.name, pass: "prepare", kind: Plan.maskDrawing) }

  /// Takes the factor of these counts, of this rank or of all.
  func normalize(_ step: RegularizationStep, elements: Int, kept: Int) {
    if !isActive { return }
    factor = step.regularizer.factor(
      elements: elements, kept: kept, keepProbability: step.keepProbabilities.at(site.place))
  }
}

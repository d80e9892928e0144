import Regularization
import Tensors

/// The mask of one site in the current step: bits in the activation's order, and the factor that keeps its
/// expected size.
///
/// The mask does not depend on the data, so all masks of a step are drawn before it.
final class MaskSlot {
  let site: MaskSite
  /// What a layer of the model keeps by Dropout of its own, whatever the regulariser; nil at the sites of that.
  private let ownKeepProbability: Double?
  private let channelBlock: Int
  private let wordCount: Int
  private var memory: AlignedMemory?
  private(set) var kept = 0
  private(set) var isActive = false
  private(set) var factor: Float = 1

  init(_ site: MaskSite, ownKeepProbability: Double? = nil, channelBlock: Int) {
    (self.site, self.ownKeepProbability) = (site, ownKeepProbability)
    self.channelBlock = channelBlock
    wordCount = MaskLayout(shape: site.shape, channelBlock: channelBlock).wordCount
  }

  /// Reserves the bits; untouched until the regulariser is on.
  func allocate() { memory = AlignedMemory(byteCount: wordCount * 2) }

  fileprivate var mask: DropMask {
    guard isActive, let memory else { return .none }
    return DropMask(words: memory.pointer(to: UInt16.self), factor: factor)
  }

  /// The bits as they lie in memory, or nil when everything is kept.
  var words: UnsafeRawBufferPointer? {
    isActive ? memory.map { UnsafeRawBufferPointer(start: $0.base, count: wordCount * 2) } : nil
  }

  /// What acts here in a step, and what it keeps; nil for nothing.
  private func rule(_ regularization: RegularizationStep?) -> (regularizer: Regularizer, keepProbability: Double)? {
    if let ownKeepProbability { return (.dropout, ownKeepProbability) }
    return regularization.map { ($0.regularizer, $0.keepProbabilities.at(site.place)) }
  }

  /// Draws the mask of a step, or switches it off.
  func draw(_ context: RunContext) {
    (isActive, factor, kept) = (false, 1, site.shape.count)
    guard let memory, let stream = context.maskStream, let rule = rule(context.regularization),
      rule.keepProbability < 1
    else { return }
    isActive = true
    kept = rule.regularizer.fillMask(
      UnsafeMutableBufferPointer(start: memory.pointer(to: UInt16.self), count: wordCount), shape: site.shape,
      channelBlock: channelBlock, keepProbability: rule.keepProbability, stream: stream, step: context.step,
      layer: site.index)
    normalize(context.regularization, elements: site.shape.count, kept: kept)
  }

  /// What timelines call the drawing of this mask.
  var label: WorkLabel { WorkLabel(site.name, pass: "prepare", kind: Plan.maskDrawing) }

  /// Takes the factor of these counts, of this rank or of all.
  func normalize(_ regularization: RegularizationStep?, elements: Int, kept: Int) {
    guard isActive, let rule = rule(regularization) else { return }
    factor = rule.regularizer.factor(elements: elements, kept: kept, keepProbability: rule.keepProbability)
  }
}

extension MaskSlot? {
  /// The bits and the factor of the current step, where there is a site.
  var mask: DropMask { self?.mask ?? .none }
}

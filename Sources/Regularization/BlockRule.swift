import Tensors

/// Where the blocks of a map may start, how large they are, and how often they do.
struct BlockRule: Hashable, Sendable {
  /// A block's first rows; those outside the map belong to blocks that are cut at its edge.
  let rows: Range<Int>
  /// A block's first columns.
  let columns: Range<Int>
  /// Rows of a block.
  let height: Int
  /// Columns of a block.
  let width: Int
  /// The probability that a block starts at a place, in 0...1.
  var gamma: Double

  /// Places where a block may start.
  var places: Int { rows.count * columns.count }

  /// Whether a block is an element, and any element of the map can be one: then DropBlock is Dropout.
  func isOfElements(_ shape: Shape) -> Bool {
    height == 1 && width == 1 && rows == 0..<shape.h && columns == 0..<shape.w
  }

  /// Whether any block drops the whole map.
  func coversMap(_ shape: Shape) -> Bool {
    places == 1 && rows.lowerBound <= 0 && columns.lowerBound <= 0 && rows.lowerBound + height >= shape.h
      && columns.lowerBound + width >= shape.w
  }
}

extension DropBlock {
  /// The rule of a map of this size, or what is wrong with such a map in this mode.
  func rule(keepProbability: Double, height: Int, width: Int) throws(UnfitMap) -> BlockRule {
    require(height >= 1 && width >= 1, "a map of \(height)x\(width) has no place for a block")
    require(keepProbability >= 0 && keepProbability <= 1, "keep probability \(keepProbability) outside 0...1")
    let clamped = min(blockSize, height, width)
    let rate = 1 - keepProbability

    /// Blocks of one size that lie inside the map.
    func inside(_ block: Int) -> BlockRule {
      BlockRule(
        rows: 0..<height - block + 1, columns: 0..<width - block + 1, height: block, width: block,
        gamma: gamma(rate, height, width, area: (block, block), places: (block, block)))
    }
    /// Blocks of any size around every element of the map, cut at its edges.
    func anywhere(_ rows: Int, _ columns: Int, gamma: Double) -> BlockRule {
      BlockRule(
        rows: -(rows / 2)..<height - rows / 2, columns: -(columns / 2)..<width - columns / 2, height: rows,
        width: columns, gamma: gamma)
    }
    func requireOdd(_ block: Int) throws(UnfitMap) {
      if block.isMultiple(of: 2) { throw UnfitMap(reason: "takes odd blocks only, not \(block)") }
    }
    /// That the places of a block as stated are no zero and no negative number.
    func requirePlaces() throws(UnfitMap) {
      let (rows, columns) = (height - blockSize + 1, width - blockSize + 1)
      if rows * columns == 0 {
        throw UnfitMap(reason: "divides by zero where a side of the map is one less than the block")
      }
      if rows * columns < 0 && mode == .timmOld {
        throw UnfitMap(reason: "has a negative probability where the map is smaller than the block in one direction")
      }
    }

    var rule: BlockRule
    switch mode {
    case .paper: rule = inside(clamped)
    case .torchvision:
      try requireOdd(clamped)
      rule = inside(clamped)
    case .mmdetection:
      try requireOdd(blockSize)
      if blockSize > clamped { throw UnfitMap(reason: "fails on maps smaller than the block") }
      rule = inside(blockSize)
    case .kerasDropBlock:
      // An even block has one centre less than fits.
      let (rows, columns) = (height - 2 * (blockSize / 2), width - 2 * (blockSize / 2))
      rule = BlockRule(
        rows: 0..<max(0, rows), columns: 0..<max(0, columns), height: blockSize, width: blockSize,
        gamma: rows < 1 || columns < 1
          ? 0 : gamma(rate, height, width, area: (blockSize, blockSize), places: (blockSize, blockSize)))
    case .tpuDetection:
      try requirePlaces()
      // Centres that are valid for the clamped block, rows by the width; blocks around them in full size.
      let (first, last) = (clamped / 2, width - (clamped - 1) / 2)
      let shift = blockSize / 2
      rule = BlockRule(
        rows: first - shift..<max(first, min(height, last)) - shift, columns: first - shift..<last - shift,
        height: blockSize, width: blockSize,
        gamma: gamma(rate, height, width, area: (clamped, clamped), places: (blockSize, blockSize)))
    case .timm:
      let (rows, columns) = (min(blockSize, height), min(blockSize, width))
      rule = anywhere(
        rows, columns, gamma: gamma(rate, height, width, area: (rows, columns), places: (rows, columns)))
    case .timmOld:
      try requireOdd(clamped)
      try requirePlaces()
      rule = anywhere(
        clamped, clamped, gamma: gamma(rate, height, width, area: (clamped, clamped), places: (blockSize, blockSize)))
    }
    if isCalibrated { rule.gamma = BlockCover(rule, height: height, width: width).gamma(rate: rate) }
    return rule
  }

  /// rate / area * H W / ((H - rows + 1)(W - columns + 1)), in 0...1: blocks of an area on so many places.
  ///
  /// A negative number, of a block larger than one side only, starts no block.
  private func gamma(
    _ rate: Double, _ height: Int, _ width: Int, area: (Int, Int), places: (rows: Int, columns: Int)
  ) -> Double {
    let blocksInMap = Double(height * width) / Double(area.0 * area.1)
    let startArea = (height - places.rows + 1) * (width - places.columns + 1)
    return max(0, min(1, rate * blocksInMap / Double(startArea)))
  }
}

/// A map on which a published variant of DropBlock stops with an error.
public struct UnfitMap: Error, Hashable {
  /// What the variant does with it, as the rest of a sentence that starts with the variant's name.
  public let reason: String
}

import Tensors

/// Every anchor box of one padded image size, over the pyramid levels P3 to P7.
///
/// An anchor's index counts levels, rows y, columns x and then the A = 9 shapes of a location. A 640 x 640 image has
/// 76,725. Shapes and centres are those of the form; see Note [Anchor centres].
public struct Anchors: Sendable {
  /// One pyramid level of H x W locations.
  public struct Level: Sendable {
    /// Rows H of locations.
    public let height: Int
    /// Columns W of locations.
    public let width: Int
    /// The index of the level's first anchor.
    public let firstAnchor: Int

    /// Pixels between neighbouring rows.
    let strideY: Double
    /// Pixels between neighbouring columns.
    let strideX: Double
    /// The centre of row 0 and of column 0, in pixels.
    let offset: Double
    /// How far the largest anchors reach from their centres, in pixels.
    let reach: Double

    /// The number of locations, H x W.
    public var area: Int { height * width }
  }

  /// Shapes at a location, A.
  public static let perLocation = 9
  /// The pyramid levels: level l has a nominal stride of 2^l pixels.
  public static let pyramidLevels = 3...7
  /// Entries after the last anchor, so that a vector load may start at any anchor.
  static let padding = 16

  /// Whose anchors these are.
  public let form: ModelForm
  /// The levels, finest first.
  public let levels: [Level]
  /// The number of anchors.
  public let count: Int

  // The corners and areas by anchor index, then `padding` empty boxes that overlap nothing.
  let x1: [Float]
  let y1: [Float]
  let x2: [Float]
  let y2: [Float]
  let areas: [Float]

  /// The grid of a level of an image side: 2^level pixels a location, the last one begun counts.
  ///
  /// Both forms arrive here by halving and rounding up, level by level.
  public static func gridSize(imageSize: Int, level: Int) -> Int { (imageSize + (1 << level) - 1) >> level }

  /// The anchors of padded images of `height` x `width` pixels, both positive.
  public init(form: ModelForm, height: Int, width: Int) {
    require(height > 0 && width > 0, "an image of \(height) x \(width) pixels has no anchors")
    self.form = form
    var levels: [Level] = []
    var boxes: [Box] = []
    for level in Self.pyramidLevels {
      let rows = Self.gridSize(imageSize: height, level: level)
      let columns = Self.gridSize(imageSize: width, level: level)
      let shapes = form.anchorShapes(level: level)
      // Note [Anchor centres]: the official code puts centres in the middle of a location of 2^level pixels.
      // torchvision puts them at its upper left corner, and its stride is the padded size over the grid size, rounded
      // down, on each axis; at P6 and P7 of an 800-pixel side that is 61 and 114 instead of 64 and 128.
      let (strideY, strideX, offset) =
        switch form {
        case .paper: (Double(1 << level), Double(1 << level), Double(1 << level) / 2)
        case .torchvision: (Double(height / rows), Double(width / columns), 0.0)
        }
      levels.append(
        Level(
          height: rows, width: columns, firstAnchor: boxes.count, strideY: strideY, strideX: strideX, offset: offset,
          reach: shapes.reduce(0) { max($0, $1.halfWidth, $1.halfHeight) }))
      for y in 0..<rows {
        let centerY = offset + Double(y) * strideY
        for x in 0..<columns {
          let centerX = offset + Double(x) * strideX
          for shape in shapes {
            boxes.append(
              Box(
                x1: Float(centerX - shape.halfWidth), y1: Float(centerY - shape.halfHeight),
                x2: Float(centerX + shape.halfWidth), y2: Float(centerY + shape.halfHeight)))
          }
        }
      }
    }
    self.levels = levels
    count = boxes.count
    let nowhere = Box(x1: -1e9, y1: -1e9, x2: -1e9, y2: -1e9)
    boxes.append(contentsOf: repeatElement(nowhere, count: Self.padding))
    x1 = boxes.map(\.x1)
    y1 = boxes.map(\.y1)
    x2 = boxes.map(\.x2)
    y2 = boxes.map(\.y2)
    areas = boxes.map(\.area)
  }

  /// The anchor at an index of 0..<count.
  public subscript(index: Int) -> Box {
    require(index >= 0 && index < count, "anchor \(index) of \(count)")
    return Box(x1: x1[index], y1: y1[index], x2: x2[index], y2: y2[index])
  }

  /// The place of an anchor in the network's outputs.
  public func location(of index: Int) -> AnchorLocation {
    require(index >= 0 && index < count, "anchor \(index) of \(count)")
    var level = levels.count - 1
    while levels[level].firstAnchor > index { level -= 1 }
    let (pixel, anchor) = (index - levels[level].firstAnchor).quotientAndRemainder(dividingBy: Self.perLocation)
    return AnchorLocation(level: level, pixel: pixel, anchor: anchor)
  }
}

/// Where an anchor's predictions lie in the network's outputs.
public struct AnchorLocation: Hashable, Sendable {
  /// The position in the list of levels: 0 is P3.
  public var level: Int
  /// The location on the level's map, y * W + x.
  public var pixel: Int
  /// The shape, 0..<9: the a of channel a * K + k.
  public var anchor: Int

  /// The place of shape `anchor` at `pixel` of a level.
  public init(level: Int, pixel: Int, anchor: Int) {
    (self.level, self.pixel, self.anchor) = (level, pixel, anchor)
  }
}

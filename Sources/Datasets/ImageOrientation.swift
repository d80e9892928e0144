/// How a stored picture is turned to be looked at, with the numbers of EXIF's orientation tag.
public enum ImageOrientation: Int, CaseIterable, Sendable {
  /// As it is stored.
  case upright = 1
  /// Left and right exchanged.
  case mirrored = 2
  /// By half a turn.
  case halfTurn = 3
  /// Top and bottom exchanged.
  case flipped = 4
  /// Rows and columns exchanged.
  case transposed = 5
  /// By a quarter, clockwise.
  case quarterTurn = 6
  /// Rows and columns exchanged, then by half a turn.
  case transversed = 7
  /// By three quarters, clockwise.
  case threeQuarterTurn = 8

  /// Whether rows become columns.
  var exchangesAxes: Bool { rawValue >= 5 }
  /// Whether the columns of the stored picture are run through from the right.
  var reversesColumns: Bool { [.mirrored, .halfTurn, .transversed, .threeQuarterTurn].contains(self) }
  /// Whether the rows of the stored picture are run through from the bottom.
  var reversesRows: Bool { [.halfTurn, .flipped, .quarterTurn, .transversed].contains(self) }

  /// The size of a picture of this stored size after the turn.
  func turned(_ stored: (width: Int, height: Int)) -> (width: Int, height: Int) {
    exchangesAxes ? (stored.height, stored.width) : stored
  }

  /// The strongest reduction up to `wanted` after which the turned picture begins with a whole pixel along each axis.
  ///
  /// The last pixel of a reduced picture may reach over the edge, and becomes the first one where an axis is reversed.
  func reduction(upTo wanted: JPEGReduction, of stored: (width: Int, height: Int)) -> JPEGReduction {
    JPEGReduction.allCases.last {
      $0.factor <= wanted.factor && (!reversesColumns || stored.width % $0.factor == 0)
        && (!reversesRows || stored.height % $0.factor == 0)
    } ?? .none
  }
}

/// What becomes of a picture whose file states an orientation.
public enum OrientationRule: String, CaseIterable, Sendable {
  /// It is turned where only so it has the size that its annotations state, else taken as stored.
  case auto
  /// It is turned, as viewers and most labelling tools show it.
  case apply
  /// It is taken as stored, as the official code and torchvision read it.
  case ignore

  /// Whether a picture is turned; `stated` is the size in its annotations, nil where there are none.
  func turns(
    _ orientation: ImageOrientation, stored: (width: Int, height: Int), stated: (width: Int, height: Int)?
  ) -> Bool {
    if orientation == .upright { return false }
    switch self {
    case .apply: return true
    case .ignore: return false
    case .auto:
      guard let stated else { return false }
      return stored != stated && orientation.turned(stored) == stated
    }
  }
}

extension RGBImage {
  /// Takes the pixels of another picture, turned.
  mutating func turn(_ source: RGBImage, _ orientation: ImageOrientation) {
    let size = orientation.turned((source.width, source.height))
    resize(width: size.width, height: size.height)
    // Where the stored picture is entered, and how far a step to the right and one down go in it, in bytes.
    let start =
      ((orientation.reversesRows ? source.height - 1 : 0) * source.width
        + (orientation.reversesColumns ? source.width - 1 : 0)) * 3
    let column = orientation.reversesColumns ? -3 : 3
    let row = (orientation.reversesRows ? -3 : 3) * source.width
    let (right, down) = orientation.exchangesAxes ? (row, column) : (column, row)
    source.pixels.withUnsafeBufferPointer { source in
      pixels.withUnsafeMutableBufferPointer { target in
        var next = 0
        for y in 0..<size.height {
          var place = start + y * down
          for _ in 0..<size.width {
            for channel in 0..<3 { target[next + channel] = source[place + channel] }
            (next, place) = (next + 3, place + right)
          }
        }
      }
    }
  }
}

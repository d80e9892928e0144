import Tensors

/// Bilinear upsampling of a coarse map onto a finer one, added to the finer one's lateral map.
///
/// Corners are aligned: position i of H lies at i * (h - 1) / (H - 1) of the coarse map, in Float arithmetic, as
/// `torch.nn.functional.interpolate(mode="bilinear", align_corners=True)` and TensorFlow's `resize_bilinear` take it.
struct BilinearUpsampleKernel {
  /// Along an axis: where each fine position lies among the coarse ones, and who reads each coarse one.
  private struct Axis {
    /// The coarse position before each fine one, and the share of the one behind it.
    var before: [Int] = []
    var share: [Float] = []
    /// For each coarse position the fine ones that read it: `first[i]..<end[i]`.
    var first: [Int]
    var end: [Int]

    init(coarse: Int, fine: Int) {
      let ratio = fine > 1 ? Float(coarse - 1) / Float(fine - 1) : 0
      (first, end) = (Array(repeating: fine, count: coarse), Array(repeating: 0, count: coarse))
      for position in 0..<fine {
        let place = Float(position) * ratio
        let start = min(coarse - 1, Int(place))
        before.append(start)
        share.append(start == coarse - 1 ? 0 : place - Float(start))
        for source in start...min(coarse - 1, start + 1) {
          (first[source], end[source]) = (min(first[source], position), position + 1)
        }
      }
    }

    /// What a fine position takes of a coarse one.
    func weight(_ position: Int, of source: Int) -> Float {
      before[position] == source ? 1 - share[position] : share[position]
    }
  }

  private let coarse: BlockedShape
  private let fine: BlockedShape
  private let rows: Axis
  private let columns: Axis

  /// Both shapes agree in images and channels.
  init(from coarse: BlockedShape, to fine: BlockedShape) {
    require(
      coarse.n == fine.n && coarse.c == fine.c && coarse.channelBlock == fine.channelBlock,
      "cannot upsample \(coarse) onto \(fine)")
    (self.coarse, self.fine) = (coarse, fine)
    (rows, columns) = (Axis(coarse: coarse.h, fine: fine.h), Axis(coarse: coarse.w, fine: fine.w))
  }

  private var group: (channelBlock: Int, width: GroupWidth) { fine.channelBlock == 16 ? (16, .whole) : (8, .half) }

  /// Writes y = lateral + upsampled x, where y may be lateral.
  func forward(_ x: Elements, _ lateral: Elements, _ y: Elements) {
    let (block, width) = group
    parallel(fine.planes * fine.h) { unit in
      let (plane, row) = unit.quotientAndRemainder(dividingBy: fine.h)
      let above = x + (plane * coarse.h + rows.before[row]) * coarse.w * block
      let below = x + (plane * coarse.h + min(coarse.h - 1, rows.before[row] + 1)) * coarse.w * block
      let down = rows.share[row]
      let start = unit * fine.w * block
      let (lateral, y) = (lateral + start, y + start)
      columns.before.withUnsafeBufferPointer { before in
        columns.share.withUnsafeBufferPointer { share in
          for column in 0..<fine.w {
            let left = before[column] &* block
            let right = min(coarse.w &- 1, before[column] &+ 1) &* block
            let across = share[column]
            let top = above.lanes(left, width) * (1 - across) + above.lanes(right, width) * across
            let bottom = below.lanes(left, width) * (1 - across) + below.lanes(right, width) * across
            y.store(
              lateral.lanes(column &* block, width) + (top * (1 - down) + bottom * down), column &* block, width)
          }
        }
      }
    }
  }

  /// Writes the gradient of x: what the pixels that read each of its pixels pass on; the lateral's gradient is dy itself.
  func backward(_ dy: Elements, _ dx: Elements) {
    let (block, width) = group
    parallel(coarse.planes * coarse.h) { unit in
      let (plane, row) = unit.quotientAndRemainder(dividingBy: coarse.h)
      let dy = dy + plane * fine.planeElements
      let target = dx + unit * coarse.w * block
      for column in 0..<coarse.w {
        var sum = Lanes()
        for reader in rows.first[row]..<max(rows.first[row], rows.end[row]) {
          let down = rows.weight(reader, of: row)
          for other in columns.first[column]..<max(columns.first[column], columns.end[column]) {
            let weight = down * columns.weight(other, of: column)
            sum += dy.lanes((reader &* fine.w &+ other) &* block, width) * weight
          }
        }
        target.store(sum, column &* block, width)
      }
    }
  }
}

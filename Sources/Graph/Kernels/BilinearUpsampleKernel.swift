import Tensors

/// Bilinear upsampling of a coarse map onto a finer one, added to the finer one's lateral map.
///
/// Corners are aligned: position i of H lies at i * (h - 1) / (H - 1) of the coarse map, in Float arithmetic, as
/// `torch.nn.functional.interpolate(mode="bilinear", align_corners=True)` and TensorFlow's `resize_bilinear` take it.
struct BilinearUpsampleKernel {
  /// Along an axis: where each fine position lies among the coarse ones, and who reads each coarse one.
  private struct Axis {
    /// A fine position that reads a coarse one, and the share that it takes.
    typealias Reader = (position: Int, share: Float)

    /// The coarse position before each fine one, and the share of the one behind it.
    let before: [Int]
    let share: [Float]
    /// For each coarse position where its readers begin, and the end.
    let starts: [Int]
    let readers: [Reader]

    init(coarse: Int, fine: Int) {
      let ratio = fine > 1 ? Float(coarse - 1) / Float(fine - 1) : 0
      let places = (0..<fine).map { Float($0) * ratio }
      before = places.map { min(coarse - 1, Int($0)) }
      share = zip(places, before).map { $1 == coarse - 1 ? 0 : $0 - Float($1) }
      var readers = [[Reader]](repeating: [], count: coarse)
      for (position, (before, share)) in zip(before, share).enumerated() {
        readers[before].append((position, 1 - share))
        if share > 0 { readers[before + 1].append((position, share)) }
      }
      starts = readers.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
      self.readers = readers.flatMap { $0 }
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
    columns.starts.withUnsafeBufferPointer { starts in
      columns.readers.withUnsafeBufferPointer { readers in
        parallel(coarse.planes * coarse.h) { unit in
          let (plane, row) = unit.quotientAndRemainder(dividingBy: coarse.h)
          let dy = dy + plane * fine.planeElements
          let target = dx + unit * coarse.w * block
          let above = rows.readers[rows.starts[row]..<rows.starts[row + 1]]
          for column in 0..<coarse.w {
            var sum = Lanes()
            for down in above {
              for index in starts[column]..<starts[column &+ 1] {
                let across = readers[index]
                let element = (down.position &* fine.w &+ across.position) &* block
                sum += dy.lanes(element, width) * (down.share * across.share)
              }
            }
            target.store(sum, column &* block, width)
          }
        }
      }
    }
  }
}

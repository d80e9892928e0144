import Tensors

/// Nearest-neighbour upsampling of a coarse map onto a finer one, added to the finer one's lateral map.
///
/// The source of position i of H is floor(i * (h / H)) in Float arithmetic, as `torch.nn.functional.interpolate` takes
/// it with a given size; for example i = 22 of 44 rows over 26 rows reads row 12.
enum NearestUpsampleKernel {
  /// The source position of each of `fine` positions among `coarse`.
  static func sources(coarse: Int, fine: Int) -> [Int] {
    let ratio = Float(coarse) / Float(fine)
    return (0..<fine).map { min(coarse - 1, Int(Float($0) * ratio)) }
  }

  /// Writes y = lateral + upsampled x, where y may be lateral.
  ///
  /// Both shapes agree in images and channels.
  static func forward(
    _ x: Elements, _ coarse: BlockedShape, _ lateral: Elements,
    _ y: Elements, _ fine: BlockedShape
  ) {
    check(coarse, fine)
    let rows = sources(coarse: coarse.h, fine: fine.h)
    let columns = sources(coarse: coarse.w, fine: fine.w)
    rows.withUnsafeBufferPointer { rows in
      columns.withUnsafeBufferPointer { columns in
        parallel(fine.planes * fine.h) { unit in
          let (plane, row) = unit.quotientAndRemainder(dividingBy: fine.h)
          let source = x + (plane * coarse.h + rows[row]) * coarse.w * coarse.channelBlock
          let start = unit * fine.w * fine.channelBlock
          switch fine.channelBlock {
          case 16: addRow(source, columns, lateral + start, y + start, 16, .whole)
          default: addRow(source, columns, lateral + start, y + start, 8, .half)
          }
        }
      }
    }
  }

  /// The gradient of x: the sum of dy over the pixels that read it; the lateral map's gradient is dy itself.
  ///
  /// With `accumulate` the sum is added to what dx holds.
  static func backward(
    _ dy: Elements, _ fine: BlockedShape, _ dx: Elements, _ coarse: BlockedShape,
    accumulate: Bool
  ) {
    check(coarse, fine)
    let rows = readers(coarse: coarse.h, fine: fine.h)
    let columns = readers(coarse: coarse.w, fine: fine.w)
    rows.withUnsafeBufferPointer { rows in
      columns.withUnsafeBufferPointer { columns in
        parallel(coarse.planes * coarse.h) { unit in
          let (plane, row) = unit.quotientAndRemainder(dividingBy: coarse.h)
          let source = dy + plane * fine.planeElements
          let target = dx + unit * coarse.w * coarse.channelBlock
          let readingRows = rows[row]..<rows[row + 1]
          switch fine.channelBlock {
          case 16: sumRow(source, fine.w, readingRows, columns, target, accumulate, 16, .whole)
          default: sumRow(source, fine.w, readingRows, columns, target, accumulate, 8, .half)
          }
        }
      }
    }
  }

  /// The first reader of each coarse position, and one entry more: position i is read by `[i]..<[i + 1]`.
  private static func readers(coarse: Int, fine: Int) -> [Int] {
    var first = [Int](repeating: 0, count: coarse + 1)
    for source in sources(coarse: coarse, fine: fine) { first[source + 1] += 1 }
    for position in 0..<coarse { first[position + 1] += first[position] }
    return first
  }

  private static func check(_ coarse: BlockedShape, _ fine: BlockedShape) {
    require(
      coarse.n == fine.n && coarse.c == fine.c && coarse.channelBlock == fine.channelBlock,
      "cannot upsample \(coarse) onto \(fine)")
  }

  @inline(__always)
  private static func addRow(
    _ source: Elements, _ columns: UnsafeBufferPointer<Int>, _ lateral: Elements,
    _ y: Elements, _ channelBlock: Int, _ width: GroupWidth
  ) {
    for (column, sourceColumn) in columns.enumerated() {
      let sum = lateral.lanes(column &* channelBlock, width) + source.lanes(sourceColumn &* channelBlock, width)
      y.store(sum, column &* channelBlock, width)
    }
  }

  @inline(__always)
  private static func sumRow(
    _ dy: Elements, _ fineWidth: Int, _ rows: Range<Int>, _ columns: UnsafeBufferPointer<Int>,
    _ dx: Elements, _ accumulate: Bool, _ channelBlock: Int, _ width: GroupWidth
  ) {
    for column in 0..<columns.count - 1 {
      var sum = accumulate ? dx.lanes(column &* channelBlock, width) : Lanes()
      for row in rows {
        for reader in columns[column]..<columns[column + 1] {
          sum += dy.lanes((row &* fineWidth &+ reader) &* channelBlock, width)
        }
      }
      dx.store(sum, column &* channelBlock, width)
    }
  }
}

import Tensors

/// The class of the largest logit at every pixel of a picture whose logits are coarser.
///
/// The logits are resized to the canvas bilinearly with aligned corners, in Float arithmetic, as the official code does with
/// `resize_bilinear` and as `torch.nn.functional.interpolate(mode="bilinear", align_corners=True)`; of equal logits the first
/// class is taken.
public struct LikeliestClasses: Sendable {
  /// Where a pixel lies among the logits of an axis: the one before, and the share of the one behind.
  private struct Place {
    let before: Int
    let after: Int
    let share: Float
  }

  private let coarse: (height: Int, width: Int)
  private let rows: [Place]
  private let columns: [Place]

  /// Logits of one size for a canvas of another.
  public init(logits coarse: (height: Int, width: Int), canvas: (height: Int, width: Int)) {
    self.coarse = coarse
    rows = Self.places(coarse.height, canvas.height)
    columns = Self.places(coarse.width, canvas.width)
  }

  private static func places(_ coarse: Int, _ fine: Int) -> [Place] {
    let ratio = fine > 1 ? Float(coarse - 1) / Float(fine - 1) : 0
    return (0..<fine).map { position in
      let place = Float(position) * ratio
      let before = min(coarse - 1, Int(place))
      return Place(before: before, after: min(coarse - 1, before + 1), share: place - Float(before))
    }
  }

  /// The classes of the canvas's upper left part of this size, row by row.
  ///
  /// - Parameter logits: one picture's as (K, h, w), with K at most 255.
  public func callAsFunction(_ logits: ArraySlice<Float>, height: Int, width: Int) -> [UInt8] {
    let area = coarse.height * coarse.width
    let classCount = logits.count / area
    require(logits.count == classCount * area && classCount <= 255, "\(logits.count) logits of \(area) pixels")
    require(height <= rows.count && width <= columns.count, "\(width)x\(height) of a canvas of another size")
    return [UInt8](unsafeUninitializedCapacity: height * width) { classes, count in
      guard let classes = classes.baseAddress else { return }
      logits.withUnsafeBufferPointer { logits in
        columns.withUnsafeBufferPointer { columns in
          parallelRanges(height) { range, _ in
            var row = [Float](repeating: 0, count: coarse.width)
            var best = [Float](repeating: 0, count: width)
            for y in range {
              findRow(
                rows[y], logits, classCount, columns, &row, &best,
                UnsafeMutableBufferPointer(start: classes + y * width, count: width))
            }
          }
        }
      }
      count = height * width
    }
  }

  /// Writes the classes of a row of pixels; `row` and `best` are working memory for a row of logits and one of pixels.
  private func findRow(
    _ place: Place, _ logits: UnsafeBufferPointer<Float>, _ classCount: Int, _ columns: UnsafeBufferPointer<Place>,
    _ row: inout [Float], _ best: inout [Float], _ classes: UnsafeMutableBufferPointer<UInt8>
  ) {
    for number in 0..<classCount {
      let above = (number * coarse.height + place.before) * coarse.width
      let below = (number * coarse.height + place.after) * coarse.width
      for x in 0..<coarse.width {
        row[x] = logits[above + x] * (1 - place.share) + logits[below + x] * place.share
      }
      for x in classes.indices {
        let column = columns[x]
        let value = row[column.before] * (1 - column.share) + row[column.after] * column.share
        if number == 0 || value > best[x] {
          best[x] = value
          classes[x] = UInt8(number)
        }
      }
    }
  }
}

import COpenMPI
import Tensors

/// How values of several ranks become one.
public enum Reduction: Sendable {
  /// The sum over ranks.
  case sum
  /// The largest of all ranks' values.
  case maximum
  /// The smallest of all ranks' values.
  case minimum

  var operation: MPI_Op? {
    switch self {
    case .sum: shim_sum()
    case .maximum: shim_max()
    case .minimum: shim_min()
    }
  }
}

/// A number that MPI can move and reduce.
public protocol Reducible: BitwiseCopyable, Sendable {
  /// MPI's handle of this type.
  static var datatype: OpaquePointer? { get }
}

extension Float: Reducible {
  /// `MPI_FLOAT`.
  public static var datatype: OpaquePointer? { shim_float() }
}
extension Double: Reducible {
  /// `MPI_DOUBLE`.
  public static var datatype: OpaquePointer? { shim_double() }
}
extension Int64: Reducible {
  /// `MPI_INT64_T`.
  public static var datatype: OpaquePointer? { shim_int64() }
}
extension UInt16: Reducible {
  /// `MPI_UINT16_T`.
  public static var datatype: OpaquePointer? { shim_uint16() }
}
extension UInt8: Reducible {
  /// `MPI_UINT8_T`.
  public static var datatype: OpaquePointer? { shim_uint8() }
}

/// The largest number of elements handed to one MPI call, whose counts are 32-bit.
let elementsPerCall = 1 << 28

/// Cuts `0..<count` into ranges of at most `limit`.
func chunks(of count: Int, limit: Int = elementsPerCall) -> [Range<Int>] {
  stride(from: 0, to: count, by: limit).map { $0..<min($0 + limit, count) }
}

extension Communicator {
  /// Replaces each element by its reduction over all ranks; every rank gets the same bits.
  ///
  /// All ranks pass the same count.
  public func allreduce<Element: Reducible>(
    _ buffer: UnsafeMutableBufferPointer<Element>, _ reduction: Reduction
  ) throws(RankError) {
    guard size > 1, let base = buffer.baseAddress else { return }
    try timed { () throws(RankError) in
      for chunk in chunks(of: buffer.count) {
        var request = shim_request_null()
        let status = MPI_Iallreduce(
          shim_in_place(), base + chunk.lowerBound, Int32(chunk.count), Element.datatype, reduction.operation, handle,
          &request)
        try check(status, "MPI_Iallreduce")
        try wait(for: &request, "MPI_Iallreduce", "allreduce of \(buffer.count) elements")
      }
    }
  }

  /// Replaces each element of an array by its reduction over all ranks.
  public func allreduce<Element: Reducible>(_ values: inout [Element], _ reduction: Reduction) throws(RankError) {
    try lend(&values) { buffer throws(RankError) in try allreduce(buffer, reduction) }
  }

  /// The reduction of one value over all ranks.
  public func allreduced<Element: Reducible>(_ value: Element, _ reduction: Reduction) throws(RankError) -> Element {
    var values = [value]
    try allreduce(&values, reduction)
    return values[0]
  }

  /// Overwrites the buffer with `root`'s contents; all ranks pass the same count, of any size.
  public func broadcast<Element: BitwiseCopyable>(
    _ buffer: UnsafeMutableBufferPointer<Element>, from root: Int = 0
  ) throws(RankError) {
    let bytes = UnsafeMutableRawBufferPointer(buffer)
    guard size > 1, let base = bytes.baseAddress else { return }
    try timed { () throws(RankError) in
      for chunk in chunks(of: bytes.count) {
        var request = shim_request_null()
        let status = MPI_Ibcast(
          base + chunk.lowerBound, Int32(chunk.count), shim_byte(), Int32(root), handle, &request)
        try check(status, "MPI_Ibcast")
        try wait(for: &request, "MPI_Ibcast", "broadcast of \(bytes.count) bytes from rank \(root)")
      }
    }
  }

  /// Returns on no rank before every rank has called it.
  public func barrier() throws(RankError) {
    if size == 1 { return }
    try timed { () throws(RankError) in
      var request = shim_request_null()
      try check(MPI_Ibarrier(handle, &request), "MPI_Ibarrier")
      try wait(for: &request, "MPI_Ibarrier", "barrier")
    }
  }
}

/// Lends an array's storage to a body that throws `RankError`.
func lend<Element>(
  _ array: inout [Element], _ body: (UnsafeMutableBufferPointer<Element>) throws(RankError) -> Void
) throws(RankError) {
  var failure: RankError?
  array.withUnsafeMutableBufferPointer { buffer in
    do throws(RankError) { try body(buffer) } catch { failure = error }
  }
  if let failure { throw failure }
}

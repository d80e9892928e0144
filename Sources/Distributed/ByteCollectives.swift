import COpenMPI
import FoundationEssentials
import Tensors

extension Communicator {
  /// `root`'s bytes on every rank; what other ranks pass is ignored and may have any length.
  public func broadcast(_ bytes: [UInt8], from root: Int = 0) throws(RankError) -> [UInt8] {
    if size == 1 { return bytes }
    var count = [Int64(bytes.count)]
    try lend(&count) { buffer throws(RankError) in try broadcast(buffer, from: root) }
    var received = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count[0]))
    try lend(&received) { buffer throws(RankError) in try broadcast(buffer, from: root) }
    return received
  }

  /// `root`'s text on every rank.
  public func broadcast(_ text: String, from root: Int = 0) throws(RankError) -> String {
    String(decoding: try broadcast(Array(text.utf8), from: root), as: UTF8.self)
  }

  /// `root`'s value on every rank, by way of JSON; numbers in it must be finite.
  ///
  /// Throws `RankError` on all ranks when `root` cannot encode it, so no rank waits for the others.
  public func broadcast<Value: Codable>(value: Value, from root: Int = 0) throws(RankError) -> Value {
    if size == 1 { return value }
    var encoded: [UInt8] = []
    if rank == root, let data = try? JSONEncoder().encode(value) { encoded = Array(data) }
    let bytes = try broadcast(encoded, from: root)
    if rank == root, !bytes.isEmpty { return value }
    guard let decoded = try? JSONDecoder().decode(Value.self, from: Data(bytes)) else {
      throw RankError(
        call: "broadcast", rank: rank, host: host, reason: "rank \(root)'s \(Value.self) is not valid as JSON")
    }
    return decoded
  }

  /// Every rank's bytes, in rank order, on rank `root`; an empty array elsewhere.
  ///
  /// Lengths may differ and have no limit.
  public func gather(_ bytes: [UInt8], to root: Int = 0) throws(RankError) -> [[UInt8]] {
    if size == 1 { return [bytes] }
    var counts = [Int64](repeating: 0, count: size)
    counts[rank] = Int64(bytes.count)
    try allreduce(&counts, .sum)
    if rank != root {
      var outgoing = bytes
      try lend(&outgoing) { buffer throws(RankError) in try send(buffer, to: root) }
      return []
    }
    var gathered: [[UInt8]] = []
    for source in 0..<size {
      var incoming = source == root ? bytes : [UInt8](repeating: 0, count: Int(counts[source]))
      if source != root {
        try lend(&incoming) { buffer throws(RankError) in try receive(buffer, from: source) }
      }
      gathered.append(incoming)
    }
    return gathered
  }

  /// Every rank's bytes, in rank order, on every rank.
  public func allgather(_ bytes: [UInt8]) throws(RankError) -> [[UInt8]] {
    let gathered = try gather(bytes)
    if size == 1 { return gathered }
    var counts = [Int64](repeating: 0, count: size)
    counts[rank] = Int64(bytes.count)
    try allreduce(&counts, .sum)
    let joined = try broadcast(gathered.flatMap { $0 })
    var start = 0
    return counts.map { count in
      defer { start += Int(count) }
      return Array(joined[start..<start + Int(count)])
    }
  }

  /// Every rank's text, in rank order, on every rank.
  public func allgather(_ text: String) throws(RankError) -> [String] {
    try allgather(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Every rank's value, in rank order, on every rank, by way of JSON; numbers in it must be finite.
  ///
  /// Throws `RankError` on all ranks when one rank's cannot be encoded.
  public func allgather<Value: Codable>(value: Value) throws(RankError) -> [Value] {
    let encoded = (try? JSONEncoder().encode(value)).map(Array.init) ?? []
    return try allgather(encoded).enumerated().map { source, bytes throws(RankError) in
      guard let decoded = try? JSONDecoder().decode(Value.self, from: Data(bytes)) else {
        throw RankError(
          call: "allgather", rank: rank, host: host, reason: "rank \(source)'s \(Value.self) is not valid as JSON")
      }
      return decoded
    }
  }

  private func send(_ buffer: UnsafeMutableBufferPointer<UInt8>, to destination: Int) throws(RankError) {
    guard let base = buffer.baseAddress else { return }
    try timed { () throws(RankError) in
      for chunk in chunks(of: buffer.count) {
        var request = shim_request_null()
        let start = base + chunk.lowerBound
        let status = MPI_Isend(start, Int32(chunk.count), shim_byte(), Int32(destination), 0, handle, &request)
        try check(status, "MPI_Isend")
        try wait(for: &request, "MPI_Isend", "gather of \(buffer.count) bytes to rank \(destination)")
      }
    }
  }

  private func receive(_ buffer: UnsafeMutableBufferPointer<UInt8>, from source: Int) throws(RankError) {
    guard let base = buffer.baseAddress else { return }
    try timed { () throws(RankError) in
      for chunk in chunks(of: buffer.count) {
        var request = shim_request_null()
        let start = base + chunk.lowerBound
        let status = MPI_Irecv(start, Int32(chunk.count), shim_byte(), Int32(source), 0, handle, &request)
        try check(status, "MPI_Irecv")
        try wait(for: &request, "MPI_Irecv", "gather of \(buffer.count) bytes from rank \(source)")
      }
    }
  }
}

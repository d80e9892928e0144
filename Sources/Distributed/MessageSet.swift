import COpenMPI

/// Messages between this rank and others that are under way together.
final class MessageSet {
  private let communicator: Communicator
  /// Owned; the first `count` are outstanding or complete.
  private let requests: UnsafeMutablePointer<MPI_Request?>
  private let capacity: Int
  private var count = 0

  /// Room for so many messages at a time.
  init(_ communicator: Communicator, capacity: Int) {
    (self.communicator, self.capacity) = (communicator, capacity)
    requests = .allocate(capacity: capacity)
    requests.initialize(repeating: shim_request_null(), count: capacity)
  }

  deinit { requests.deallocate() }

  /// Starts to send elements; their memory must stay as it is until `areComplete`.
  func send<Element: Reducible>(_ elements: UnsafePointer<Element>, count: Int, to rank: Int, tag: Int)
    throws(RankError)
  {
    let status = MPI_Isend(
      elements, Int32(count), Element.datatype, Int32(rank), Int32(tag), communicator.handle, try next())
    try communicator.check(status, "MPI_Isend")
  }

  /// Starts to receive elements; nobody may touch their memory until `areComplete`.
  func receive<Element: Reducible>(_ elements: UnsafeMutablePointer<Element>, count: Int, from rank: Int, tag: Int)
    throws(RankError)
  {
    let status = MPI_Irecv(
      elements, Int32(count), Element.datatype, Int32(rank), Int32(tag), communicator.handle, try next())
    try communicator.check(status, "MPI_Irecv")
  }

  private func next() throws(RankError) -> UnsafeMutablePointer<MPI_Request?> {
    guard count < capacity else { fatalError("more than \(capacity) messages at a time") }
    defer { count += 1 }
    return requests + count
  }

  /// Polls MPI; true when every message has arrived and left, after which the set is empty.
  func areComplete() throws(RankError) -> Bool {
    var areDone: Int32 = 0
    let status = MPI_Testall(Int32(count), requests, &areDone, shim_statuses_ignore())
    try communicator.check(status, "MPI_Testall")
    if areDone != 0 { count = 0 }
    return areDone != 0
  }
}

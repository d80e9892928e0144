import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: sums by hand.
struct OperationTimesTests {
  @Test("operations of one kind and pass are summed, the longest first; another file is error 65, none is none")
  func sums() throws {
    let folder = try TemporaryDirectory("operations")
    let path = try folder.write(
      """
      {"model": "M", "precision": "f32", "ranks": 2, "threads_per_rank": 1, "batch_per_rank": 4, "operations": [
        {"kind": "relu", "pass": "forward", "seconds": 0.25}, {"kind": "conv", "pass": "forward", "seconds": 0.5},
        {"kind": "conv", "pass": "forward", "seconds": 0.125}, {"kind": "conv", "pass": "backward", "seconds": 1.0}]}
      """, to: "bench.json")
    let times = try #require(try OperationTimes(file: path))
    #expect(
      times.kinds == [
        .init(kind: "conv", pass: "backward", seconds: 1), .init(kind: "conv", pass: "forward", seconds: 0.625),
        .init(kind: "relu", pass: "forward", seconds: 0.25),
      ])
    #expect(times.seconds == 1.875 && times.subject == "M, 2 x 1 threads, 4 images a rank, f32")
    #expect(try OperationTimes(file: folder.file("none")) == nil)
    let other = try folder.write("{}", to: "other.json")
    #expect(throws: InputError.self) { try OperationTimes(file: other) }
  }
}

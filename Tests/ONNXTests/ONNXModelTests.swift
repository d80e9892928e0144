import Foundation
import Tensors
import TestSupport
import Testing

@testable import ONNX

/// Oracle: bytes written out by hand from `onnx.proto`; that runtimes read whole models, `ONNXRuntimeTests` show.
@Suite struct ONNXModelTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory("onnx") }

  private func model(_ graph: ONNXGraph) -> ONNXModel {
    ONNXModel(graph, producer: ("p", "1"), metadata: [(key: "k", value: "v")])
  }

  @Test("a graph with a constant has the bytes of the format")
  func bytes() throws {
    let graph = ONNXGraph()
    let x = graph.addInput(ONNXPort("x", [1], "m"))
    let y = graph.add("Add", "y", [x, graph.constant("c", shape: [1], [1 as Float])])
    graph.addOutput(ONNXPort(y, [.named("n")], "m"))
    let path = folder.file("model.onnx")
    try model(graph).write(to: path)

    func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(content.count)] + content }
    func text(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
    let node = text(1, "x") + text(1, "c") + text(2, "y") + text(3, "y") + text(4, "Add")
    func port(_ name: String, _ dimension: [UInt8]) -> [UInt8] {
      text(1, name) + field(2, field(1, [1 << 3, 1] + field(2, field(1, dimension)))) + text(3, "m")
    }
    let tensor = [1 << 3, 1, 2 << 3, 1] + text(8, "c") + field(9, [0, 0, 0x80, 0x3f])
    let content =
      field(1, node) + text(2, "p") + field(11, port("x", [1 << 3, 1])) + field(12, port("y", text(2, "n")))
      + field(5, tensor)
    let head = [1 << 3, 8] + text(2, "p") + text(3, "1") + field(8, text(1, "") + [2 << 3, 17])
    // Field 14 of metadata is one byte, and so is 7 of the graph.
    let expected = head + field(14, text(1, "k") + text(2, "v")) + field(7, content)
    #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path))) == expected)
  }

  @Test("the second of two that ask for one name gets another")
  func names() {
    let graph = ONNXGraph()
    #expect(graph.constant("a", 1) == "a")
    #expect(graph.constant("a", 1) == "a_1")
    #expect(graph.add("Relu", "a", ["a"]) == "a_2")
  }

  @Test("a model of more than 2 GiB is refused before anything is made or written")
  func limit() throws {
    let graph = ONNXGraph()
    for number in 0..<2 {
      _ = graph.constant("w\(number)", shape: [1 << 28]) { fatalError("made") }
    }
    let error = thrown(InputError.self) { try model(graph).write(to: folder.file("large.onnx")) }
    #expect(error?.exitCode == .cannotWrite && error?.description.contains("at most 2147483647 bytes") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}

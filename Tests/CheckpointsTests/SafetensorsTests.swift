import Foundation
import Tensors
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct SafetensorsTests {
  @Test("a file of the Python package reads as the values its generator wrote")
  func readsPythonFile() throws {
    // Oracle: the literals of Tests/Goldens/safetensors_golden.py; conversions to Float are exact or one rounding.
    let file = try golden(named: "safetensors")
    #expect(try file.floats(named: "float32") == [1, -2.5, 3.25e-5, .infinity, -0.0, 16_777_216])
    #expect(try file.floats(named: "float32")[4].sign == .minus)
    #expect(file.entry(named: "float32")?.shape == [2, 3])
    #expect(try file.floats(named: "float16") == [1, -0.333251953125, 65504])
    #expect(try file.floats(named: "bfloat16") == [1, -3.140625, Float(bitPattern: 0x714A_0000)])
    #expect(try file.floats(named: "float64") == [Float(0.1), Float(-1e-3)])
    #expect(try file.integers(named: "int64") == [-1_099_511_627_776])
    #expect(file.entry(named: "int64")?.shape == [])
    #expect(try file.integers(named: "int32") == [7, -2_147_483_648])
    #expect(try file.integers(named: "uint8") == [0, 128, 255])
    #expect(try file.integers(named: "boolean") == [1, 0, 1])
    #expect(try file.floats(named: "empty") == [])
    #expect(file.entry(named: "empty")?.shape == [0, 4])
    #expect(try file.floats(named: "quote \" slash \\ é") == [42])
    #expect(file.metadata == ["format": "pt", "made by": "safetensors_golden.py"])
    #expect(file.entries.count == 10)
  }

  @Test("what is written is read back bit for bit, under every kind of name")
  func roundTrip() throws {
    let folder = try TemporaryDirectory()
    let values: [Float] = [0, -0.0, 1.5, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.infinity]
    let names = ["a", "tab\tquote\" back\\ é 漢 \u{1}", ""]
    let path = folder.file("x.safetensors")
    try writeSafetensors(
      names.map { TensorToWrite($0, shape: [2, 3], values) }
        + [
          TensorToWrite("count", shape: [], integers: [1 << 40]), TensorToWrite("none", shape: [3, 0], []),
        ], to: path, metadata: ["b\n": "1", "a": "\"2\""])
    let file = try SafetensorsFile(path: path)
    for name in names {
      #expect(try file.floats(named: name).map(\.bitPattern) == values.map(\.bitPattern))
      var copied = [Float](repeating: 7, count: 6)
      try copied.withUnsafeMutableBufferPointer { try file.copyFloats(named: name, to: $0) }
      #expect(copied.map(\.bitPattern) == values.map(\.bitPattern))
      #expect(try file.withBytes(named: name) { $0.count } == 24)
    }
    #expect(try file.integers(named: "count") == [1 << 40])
    #expect(file.entry(named: "none")?.shape == [3, 0])
    #expect(file.metadata == ["b\n": "1", "a": "\"2\""])
  }

  @Test("every tensor starts at a multiple of its element's size, in the order given within its type")
  func alignment() throws {
    let folder = try TemporaryDirectory()
    let path = folder.file("x.safetensors")
    try writeSafetensors(
      [
        TensorToWrite("z", shape: [3], [1, 2, 3]), TensorToWrite("n", shape: [], integers: [5]),
        TensorToWrite("a", shape: [1], [4]), TensorToWrite("m", shape: [1], integers: [6]),
      ], to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.names == ["n", "m", "z", "a"])
    for entry in file.entries { #expect(entry.byteRange.lowerBound % entry.elementType.byteCount == 0) }
  }

  @Test("equal content gives equal bytes, and one changed bit gives others")
  func deterministic() throws {
    let folder = try TemporaryDirectory()
    func bytes(_ value: Float, _ name: String) throws -> Data {
      let path = folder.file(name)
      try writeSafetensors(
        [TensorToWrite("w", shape: [2], [1, value])], to: path, metadata: ["x": "1", "y": "2", "z": "3"])
      return try Data(contentsOf: URL(fileURLWithPath: path))
    }
    #expect(try bytes(2, "a") == bytes(2, "b"))
    #expect(try bytes(2, "a") != bytes(Float(2).nextUp, "c"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a", "b", "c"])
  }

  @Test("asking for the wrong thing names the file, the tensor, what was expected and what is there")
  func wrongRequests() throws {
    let file = try golden(named: "safetensors")
    func message(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "no error"
      } catch { return "\(error)".replacing(file.path, with: "FILE") }
    }
    #expect(
      message { _ = try file.floats(named: "nothing") } == "FILE: names: expected a tensor \"nothing\", got 10 others")
    #expect(
      message { _ = try file.floats(named: "int32") }
        == "FILE: tensor \"int32\": expected a floating-point tensor, got I32")
    #expect(
      message { _ = try file.integers(named: "float16") }
        == "FILE: tensor \"float16\": expected an integer tensor, got F16")
    let two = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2)
    defer { two.deallocate() }
    #expect(
      message { try file.copyFloats(named: "float32", to: two) }
        == "FILE: tensor \"float32\": expected 2 elements, got 6")
  }

  @Test("what is no file is neither written to nor replaced: error 73", arguments: ["/dev/full", "/dev"])
  func notAFile(path: String) throws {
    // A file that took the place of a device, as root may, would break other programs.
    let error = thrown(InputError.self) {
      try writeSafetensors([TensorToWrite("w", shape: [1], [1])], to: path)
    }
    #expect(error?.exitCode == .cannotWrite)
    let kind = path == "/dev" ? "directory" : "device"
    #expect(error?.description.hasPrefix("\(path): cannot write: it is a \(kind), expected a regular file") == true)
  }

  @Test("a directory that does not exist is error 73 and leaves nothing behind")
  func missingDirectory() throws {
    let folder = try TemporaryDirectory()
    let error = thrown(InputError.self) {
      try writeSafetensors([], to: folder.file("no/x.safetensors"))
    }
    #expect(error?.exitCode == .cannotWrite)
    #expect(error?.description.contains("No such file or directory") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }
}

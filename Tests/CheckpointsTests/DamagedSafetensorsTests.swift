import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

/// A file that must be refused, and the words for it.
struct DamagedFile: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  let message: String
  var testDescription: String { name }

  init(_ name: String, bytes: [UInt8], _ message: String) {
    (self.name, self.bytes, self.message) = (name, bytes, message)
  }

  /// A file of a well-measured header and `dataCount` zero bytes.
  init(_ name: String, header: String, dataCount: Int, _ message: String) {
    let json = Array(header.utf8)
    let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }
    self.init(name, bytes: length + json + [UInt8](repeating: 0, count: dataCount), message)
  }
}

private func tensor(_ name: String, _ fields: String) -> String { "\"\(name)\":{\(fields)}" }
private let sound = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"
private let mend = "; the file is damaged: write or fetch it again"

private let damagedFiles: [DamagedFile] = [
  .init("empty file", bytes: [], "header length: expected 8 bytes, got a file of 0" + mend),
  .init("cut in the length", bytes: [9, 0, 0], "header length: expected 8 bytes, got a file of 3" + mend),
  .init(
    "header longer than the file", bytes: [200, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D],
    "header length: expected at most 2 bytes, got 200" + mend),
  .init(
    "absurd length", bytes: Array(repeating: 0xFF, count: 16),
    "header length: expected at most 8 bytes, got 18446744073709551615" + mend),
  .init("no header", header: "", dataCount: 0, "header, byte 8: expected a value, got its end" + mend),
  .init("not JSON", header: "{nonsense}", dataCount: 0, "header, byte 9: expected a quoted name, got 'n'" + mend),
  .init("unclosed", header: "{\"a\":{", dataCount: 0, "header, byte 14: expected a quoted name, got its end" + mend),
  .init(
    "text after it", header: "{} x", dataCount: 0, "header, byte 11: expected the end of the header, got 'x'" + mend),
  .init(
    "nested without end", header: String(repeating: "[", count: 50_000), dataCount: 0,
    "header, byte 17: expected at most 8 nested values, got '['" + mend),
  .init(
    "a sign among hexadecimal digits", header: "{\"\\u+041\":3}", dataCount: 0,
    "header, byte 11: expected 'u' and four hexadecimal digits, got 'u'" + mend),
  .init("not an object", header: "[1]", dataCount: 0, "header: expected an object, got an array" + mend),
  .init(
    "tensor not an object", header: "{\"a\":3}", dataCount: 0,
    "tensor \"a\": expected an object, got the number 3" + mend),
  .init(
    "a name twice", header: "{\(tensor("a", sound)),\(tensor("a", sound))}", dataCount: 8,
    "tensor \"a\": expected one entry of that name, got two" + mend),
  .init(
    "unknown type", header: "{\(tensor("a", "\"dtype\":\"Q4\",\"shape\":[2],\"data_offsets\":[0,8]"))}", dataCount: 8,
    "tensor \"a\", dtype: expected one of F32, F16, BF16, F64, I64, I32, U8, BOOL, got the string \"Q4\"; convert the "
      + "tensor to one of them"),
  .init(
    "a missing field", header: "{\(tensor("a", "\"dtype\":\"F32\",\"shape\":[2]"))}", dataCount: 8,
    "tensor \"a\": expected dtype, shape and data_offsets, got dtype, shape" + mend),
  .init(
    "an unknown field", header: "{\(tensor("a", sound + ",\"stride\":[1]"))}", dataCount: 8,
    "tensor \"a\": expected dtype, shape and data_offsets once each, got \"stride\"" + mend),
  .init(
    "a negative extent", header: "{\(tensor("a", "\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]"))}",
    dataCount: 8, "tensor \"a\", shape: expected numbers from 0, got the number -2" + mend),
  .init(
    "a size past 2^63",
    header: "{\(tensor("a", "\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]"))}",
    dataCount: 8,
    "tensor \"a\", shape: expected a size below 2^63, got [4294967296, 4294967296]" + mend),
  .init(
    "shape and bytes differ", header: "{\(tensor("a", "\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]"))}",
    dataCount: 8, "tensor \"a\": expected 12 bytes for F32 [3], got 8" + mend),
  .init(
    "cut in the data", header: "{\(tensor("a", sound))}", dataCount: 5,
    "tensor \"a\", data_offsets: expected begin and end within 5 bytes of data, got [0, 8]" + mend),
  .init(
    "bytes after the data", header: "{\(tensor("a", sound))}", dataCount: 9,
    "length: expected 70 bytes by the header, got 71" + mend),
  .init(
    "offsets backwards", header: "{\(tensor("a", "\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,0]"))}",
    dataCount: 8, "tensor \"a\", data_offsets: expected begin and end within 8 bytes of data, got [8, 0]" + mend),
  .init(
    "overlap",
    header: "{\(tensor("a", sound)),\(tensor("b", "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]"))}",
    dataCount: 12, "tensor \"b\": expected data from byte 124, got data from byte 120, overlapping its neighbour" + mend
  ),
  .init(
    "gap", header: "{\(tensor("a", "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]"))}", dataCount: 12,
    "tensor \"a\": expected data from byte 63, got data from byte 67, leaving a gap" + mend),
  .init(
    "metadata not text", header: "{\"__metadata__\":{\"format\":1}}", dataCount: 0,
    "__metadata__ \"format\": expected a string, got the number 1" + mend),
]

@Suite struct DamagedSafetensorsTests {
  @Test("a damaged file is error 65 and says where, what was expected and what is there", arguments: damagedFiles)
  func damaged(_ file: DamagedFile) throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(file.bytes, to: "model.safetensors")
    let error = thrown(InputError.self) { _ = try SafetensorsFile(path: path) }
    #expect(error?.exitCode == .badData)
    #expect(error?.description == "\(path): \(file.message)")
  }

  @Test("cutting a sound file anywhere is noticed")
  func everyCut() throws {
    let folder = try TemporaryDirectory()
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: Locations.golden(path: "safetensors.safetensors"))))
    for count in 0..<bytes.count {
      let path = try folder.write(Array(bytes[..<count]), to: "cut-\(count).safetensors")
      #expect(throws: InputError.self, "cut to \(count) bytes") { _ = try SafetensorsFile(path: path) }
    }
  }

  @Test("a missing file is error 66, a directory error 65")
  func notAFile() throws {
    let folder = try TemporaryDirectory()
    let missing = thrown(InputError.self) { _ = try SafetensorsFile(path: folder.file("no.safetensors")) }
    #expect(missing?.exitCode == .missingFile)
    #expect(missing?.description == "\(folder.path)/no.safetensors: cannot open: No such file or directory")
    let directory = thrown(InputError.self) { _ = try SafetensorsFile(path: folder.path) }
    #expect(directory?.description == "\(folder.path): kind: expected a regular file, got a directory")
  }
}

import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: the published check value of CRC-32C, bytes written out by hand from the protocol buffer format, and the
/// small reader below, which shares no code with the writer.
@Suite struct EventFileTests {
  @Test("the checksum of the nine digits is the published one")
  func checksum() {
    #expect(RecordFraming.crc32c(Array("123456789".utf8)) == 0xE306_9283)
    #expect(RecordFraming.crc32c([]) == 0)
    #expect(RecordFraming.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)  // RFC 3720, B.4
  }

  @Test("fields have the bytes of the protocol buffer format")
  func encoding() {
    var message = ProtocolBuffer()
    message.integer(2, 300)
    message.string(3, "ab")
    message.float(2, 1)
    message.double(1, -2)
    message.integer(1, -1)
    #expect(
      message.bytes == [
        0x10, 0xAC, 0x02, 0x1A, 0x02, 0x61, 0x62, 0x15, 0, 0, 0x80, 0x3F, 0x09, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0x08, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01,
      ])
  }

  /// A field of a protocol buffer message as read back.
  enum Field {
    case number(UInt64)
    case bytes([UInt8])
  }

  /// The fields of a message in their order.
  func fields(_ bytes: [UInt8]) throws -> [(number: Int, field: Field)] {
    var position = 0
    func variableLength() throws -> UInt64 {
      var (value, shift) = (UInt64(0), UInt64(0))
      while true {
        let byte = try #require(position < bytes.count ? bytes[position] : nil)
        position += 1
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
    }
    func take(_ count: Int) throws -> [UInt8] {
      try #require(position + count <= bytes.count)
      defer { position += count }
      return Array(bytes[position..<position + count])
    }
    func little(_ bytes: [UInt8]) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    var result: [(number: Int, field: Field)] = []
    while position < bytes.count {
      let key = try variableLength()
      let field: Field
      switch key & 7 {
      case 0: field = .number(try variableLength())
      case 1: field = .number(little(try take(8)))
      case 2: field = .bytes(try take(Int(try variableLength())))
      default: field = .number(little(try take(4)))
      }
      result.append((Int(key >> 3), field))
    }
    return result
  }

  /// The messages of a record file, with the lengths checked.
  func records(_ path: String) throws -> [[UInt8]] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var result: [[UInt8]] = []
    var position = 0
    while position < bytes.count {
      let length = Int(bytes[position..<position + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) })
      result.append(Array(bytes[position + 12..<position + 12 + length]))
      position += 16 + length
    }
    #expect(position == bytes.count)
    return result
  }

  @Test("a run's events are version, then one summary a row with every figure")
  func wholeFile() throws {
    let folder = try TemporaryDirectory()
    let file = try EventFile(directory: RunDirectory(path: folder.path), resumingAt: 0, now: 100)
    try file.append(MetricsTests.step.row, now: 101.5)
    let name = try #require(FileManager.default.contentsOfDirectory(atPath: folder.path).first)
    #expect(name.hasPrefix("events.out.tfevents.100."))
    let events = try records(folder.file(name)).map { try fields($0) }
    try #require(events.count == 2)
    guard case .bytes(let version)? = events[0].first(where: { $0.number == 3 })?.field,
      case .number(let time)? = events[1].first(where: { $0.number == 1 })?.field,
      case .number(let step)? = events[1].first(where: { $0.number == 2 })?.field,
      case .bytes(let summary)? = events[1].first(where: { $0.number == 5 })?.field
    else {
      Issue.record("a field is missing: \(events)")
      return
    }
    #expect(String(decoding: version, as: UTF8.self) == "brain.Event:2")
    #expect(Double(bitPattern: time) == 101.5 && step == 20)
    var curves: [String: Float] = [:]
    for (_, field) in try fields(summary) {
      guard case .bytes(let value) = field else { continue }
      let parts = try fields(value)
      guard case .bytes(let tag)? = parts.first(where: { $0.number == 1 })?.field,
        case .number(let bits)? = parts.first(where: { $0.number == 2 })?.field
      else { continue }
      curves[String(decoding: tag, as: UTF8.self)] = Float(bitPattern: UInt32(bits))
    }
    #expect(curves.count == 10)
    #expect(curves["train/loss"] == 1.5 && curves["train/keep_prob"] == 0.995)
    #expect(curves["train/allreduce_exposed_seconds"] == 0.001)
  }

  @Test("a resumed run starts a session at the first step that it writes again")
  func resumed() throws {
    let folder = try TemporaryDirectory()
    _ = try EventFile(directory: RunDirectory(path: folder.path), resumingAt: 20, now: 100)
    let name = try #require(FileManager.default.contentsOfDirectory(atPath: folder.path).first)
    let events = try records(folder.file(name)).map { try fields($0) }
    try #require(events.count == 2)
    guard case .number(21)? = events[1].first(where: { $0.number == 2 })?.field,
      case .bytes([0x08, 0x01])? = events[1].first(where: { $0.number == 7 })?.field
    else {
      Issue.record("no start of a session: \(events[1])")
      return
    }
  }

  @Test("a record is length, masked checksum, data, masked checksum")
  func framing() {
    // Masked checksum of eight bytes 0: CRC-32C 0x8C28B28A, rotated right by 15, plus 0xA282EAD8.
    let crc: UInt32 = 0x8C28_B28A
    let masked = (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    let checksum = withUnsafeBytes(of: masked.littleEndian) { Array($0) }
    let zeros = [UInt8](repeating: 0, count: 8)
    let frame = RecordFraming.frame(zeros)
    #expect(frame.count == 24)
    #expect(Array(frame[..<8]) == [8, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(frame[12..<20]) == zeros)
    #expect(Array(frame[20...]) == checksum)
  }
}

import Testing

@testable import Tensors

@Suite struct TextEncodingTests {
  private func fault(_ bytes: [UInt8]) -> String? { bytes.withUnsafeBytes { TextEncoding.fault(in: $0) } }

  @Test("text in UTF-8 has no fault", arguments: ["", "a", "{", "{}", "caf\u{e9} \u{4f60} \u{1f600}", "\u{feff}{}"])
  func sound(_ text: String) { #expect(fault(Array(text.utf8)) == nil) }

  private static let startCases: [([UInt8], String)] = [
    ([0xff, 0xfe, 0x7b, 0], "UTF-16; convert it with iconv -f utf-16 -t"),
    ([0xfe, 0xff, 0, 0x7b], "UTF-16; convert it with iconv -f utf-16 -t"),
    ([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0], "UTF-32; convert it with iconv -f utf-32 -t"),
    ([0x7b, 0, 0x22, 0], "UTF-16LE; convert it with iconv -f utf-16le -t"),
    ([0, 0x7b, 0, 0x22], "UTF-16BE; convert it with iconv -f utf-16be -t"),
    ([0x7b, 0, 0, 0], "UTF-32LE; convert it with iconv -f utf-32le -t"),
    ([0, 0, 0, 0x7b], "UTF-32BE; convert it with iconv -f utf-32be -t"),
    ([0x1f, 0x8b, 8, 0], "a file compressed with gzip; unpack it with gunzip"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "a file compressed with xz; unpack it with unxz"),
    ([0x50, 0x4b, 3, 4], "a zip archive; unpack it with unzip"), ([0, 0, 0, 0, 0], "zeros; fetch or write"),
  ]

  @Test("each other encoding is recognised by its first bytes", arguments: startCases)
  func starts(_ bytes: [UInt8], _ expected: String) {
    #expect(fault(bytes)?.hasPrefix("byte 0: expected text in UTF-8, got \(expected)") == true, "\(fault(bytes) ?? "")")
  }

  private static let placeCases: [([UInt8], String)] = [
    ([0x63, 0x61, 0x66, 0xe9, 0x20], "byte 3: expected text in UTF-8, got the byte e9, as in Latin-1"),
    ([0xc3, 0xa9, 0x93, 0x20], "byte 2: expected text in UTF-8, got the byte 93, as in Windows-1252"),
    ([0x61, 0x62, 0xc3], "byte 2: expected text in UTF-8, got the byte c3"),
    ([0x20, 0xc0, 0x80], "byte 1: expected text in UTF-8, got the byte c0"),
    ([0x20, 0xed, 0xa0, 0x80], "byte 1: expected text in UTF-8, got the byte ed"),
  ]

  @Test(
    "the first byte that belongs to no character is named with the encoding that it is likely in", arguments: placeCases
  )
  func places(_ bytes: [UInt8], _ expected: String) {
    #expect(fault(bytes)?.hasPrefix(expected) == true, "\(fault(bytes) ?? "")")
  }
}

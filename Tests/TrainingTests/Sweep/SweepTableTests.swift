import Foundation
import Tensors
import Regularization
import TestSupport
import Testing

@testable import Training

/// Oracle: the file's text, written by hand.
@Suite struct SweepTableTests {
  private let folder: TemporaryDirectory
  private let path: String

  init() throws {
    folder = try TemporaryDirectory("sweep")
    path = folder.file("sweep.csv")
  }

  private static func identity(
    _ name: String, digest: String = "0123456789abcdef", seed: UInt64 = 1, groups: [MaskGroup] = [3, 4]
  ) -> SweepTable.Identity {
    SweepTable.Identity(checkpoint: name, digest: digest, seed: seed, groups: groups, isGroupScaled: false)
  }
  private static let identities = [identity("none"), identity("block 7", digest: "fedcba9876543210")]
  private static let text = """
    checkpoint,digest,seed,groups,group_scaling,block_size,keep_prob,top1,loss
    none,0123456789abcdef,1,3+4,false,1,1.0,0.75,0.30000000000000004
    none,0123456789abcdef,1,3+4,false,7,1.0,0.75,0.30000000000000004
    block 7,fedcba9876543210,1,3+4,false,7,0.9,0.5,nan

    """

  private func file() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  private func fill(_ table: SweepTable) throws {
    let first = SweepPoint(keepProbability: 1, blockSizes: [1, 7])
    try table.append(first, of: Self.identities[0], [("top1", 0.75), ("loss", 0.1 + 0.2)])
    let second = SweepPoint(keepProbability: 0.9, blockSizes: [7])
    try table.append(second, of: Self.identities[1], [("top1", 0.5), ("loss", .nan)])
  }

  @Test("rows come with all digits, a line a block size, and are read again as they were")
  func rows() throws {
    let table = try SweepTable(path: path, Self.identities)
    #expect(table.rows.isEmpty && table.figureNames.isEmpty)
    try fill(table)
    #expect(try file() == Self.text)
    let again = try SweepTable(path: path, Self.identities)
    #expect(again.figureNames == ["top1", "loss"] && again.rows[..<2] == table.rows[..<2])
    #expect(again.rows[2].figures[0] == 0.5 && again.rows[2].figures[1].isNaN && again.rows.count == 3)
    #expect(again.contains("block 7", blockSize: 7, keepProbability: 0.9))
    #expect(!again.contains("block 7", blockSize: 1, keepProbability: 0.9))
    let error = thrown(InputError.self) {
      try again.append(SweepPoint(keepProbability: 0.5, blockSizes: [1]), of: Self.identities[0], [("AP", 0.5)])
    }
    #expect(error?.exitCode == .badConfiguration && error?.description.contains("top1, loss") == true)
    #expect(try file() == Self.text)
  }

  @Test("an interrupted write at any byte leaves the rows before it, and the same rows make the same file")
  func interrupted() throws {
    let bytes = Array(Self.text.utf8)
    for count in 0..<bytes.count {
      try Data(bytes[..<count]).write(to: URL(fileURLWithPath: path))
      let table = try SweepTable(path: path, Self.identities)
      let lines = bytes[..<count].count { $0 == UInt8(ascii: "\n") }
      #expect(table.rows.count == max(0, lines - 1), "\(count) bytes")
      if lines < 2 {
        try fill(table)
        #expect(try file() == Self.text)
      }
    }
  }

  @Test(
    "a table of another sweep, and what is no table, is refused and left as it is",
    arguments: [
      ("none,0123", "none,0124", ExitCode.badConfiguration, "sweep.csv:2: digest of weights and configuration of none"),
      ("7,fedcba9876543210,1,", "7,fedcba9876543210,2,", .badConfiguration, ":4: seed of block 7: expected 1"),
      ("1,3+4,false,7,0.9", "1,4,false,7,0.9", .badConfiguration, ":4: groups of block 7: expected 3+4"),
      ("block 7", "other", .badConfiguration, ":4: expected a checkpoint of this sweep, none, block 7; got other"),
      ("0.75,", "high,", .badData, ":2: expected 9 cells"), (",nan", "", .badData, ":4: expected 9 cells"),
      ("7,0.9", "7,1.9", .badData, ":4: expected 9 cells"), ("seed", "Seed", .badData, "expected the table of a sweep"),
      (text, "notes of mine", .badData, "expected the table of a sweep"),
      (text, "notes\nof mine\n", .badData, "expected the table of a sweep"),
    ] as [(String, String, ExitCode, String)])
  func refused(old: String, new: String, code: ExitCode, words: String) throws {
    let range = try #require(Self.text.range(of: old))
    let text = Self.text.replacingCharacters(in: range, with: new)
    try folder.write(text, to: "sweep.csv")
    let error = thrown(InputError.self) { try SweepTable(path: path, Self.identities) }
    #expect(error?.exitCode == code)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    #expect(try file() == text)
  }
}

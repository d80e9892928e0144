import Datasets
import Regularization
import Tensors

/// The CSV file of a sweep: a line an evaluation, which grows as they come.
///
/// A line starts with what tells its evaluation from that of another sweep: the checkpoint's name, the digest of its weights
/// and configuration, seed, groups and scaling. Then come block size, keep probability and all figures with all digits.
final class SweepTable {
  /// What a line starts with, in the order of `columns`.
  struct Identity {
    let checkpoint: String
    /// 16 hexadecimal digits; see `TrainedModel.digest`.
    let digest: String
    let seed: UInt64
    let groups: [MaskGroup]
    let isGroupScaled: Bool

    /// The groups as the command line states them.
    var groupList: String { groups.map(\.description).joined(separator: "+") }

    static let columns = ["checkpoint", "digest", "seed", "groups", "group_scaling"]
    var cells: [String] { [checkpoint, digest, "\(seed)", groupList, "\(isGroupScaled)"] }
  }

  /// The figures of an evaluation.
  struct Row: Equatable {
    let checkpoint: String
    let blockSize: Int
    let keepProbability: Double
    let figures: [Double]
  }

  /// The names of the figures, empty until a row tells them.
  private(set) var figureNames: [String] = []
  /// All rows, in the order of the file.
  private(set) var rows: [Row] = []

  private let identities: [Identity]
  private let file: AppendingFile
  private static let columns = Identity.columns + ["block_size", "keep_prob"]

  /// Opens the table of these checkpoints, with the rows that an earlier sweep left; half a row at its end is taken out.
  ///
  /// Throws 65 for a file that is no such table, 78 for one of other checkpoints, seeds or groups, 73 where it cannot be
  /// written.
  init(path: String, _ identities: [Identity]) throws {
    self.identities = identities
    var bytes: [UInt8] = []
    // What cannot be read cannot be appended to either, and is told there.
    if (try? readFile(path, into: &bytes)) != nil {
      let newline = UInt8(ascii: "\n")
      let whole = bytes.prefix((bytes.lastIndex(of: newline) ?? -1) + 1)
      let lines = whole.dropLast().split(separator: newline, omittingEmptySubsequences: false)
      if whole.isEmpty { try Self.requireHalfHead(bytes, path) }
      (figureNames, rows) = try Self.parse(
        whole.isEmpty ? [] : lines.map { String(decoding: $0, as: UTF8.self) }, path, identities)
      if whole.count < bytes.count { try RunDirectory.replace(path, with: String(decoding: whole, as: UTF8.self)) }
    }
    file = try AppendingFile(path: path)
  }

  private static func parse(
    _ lines: [String], _ path: String, _ identities: [Identity]
  ) throws(InputError) -> (figureNames: [String], rows: [Row]) {
    guard let head = lines.first.map(cells) else { return ([], []) }
    guard head.count > columns.count, head.starts(with: columns) else { throw noTable(path) }
    let rows = try lines.enumerated().dropFirst().map { number, line throws(InputError) in
      try row(cells(line), in: head.count, "\(path):\(number + 1)", identities)
    }
    return (Array(head.dropFirst(columns.count)), rows)
  }

  /// Throws 65 for a file of less than a line that is not the beginning of a table.
  private static func requireHalfHead(_ bytes: [UInt8], _ path: String) throws(InputError) {
    let start = Array(columns.joined(separator: ",").utf8)
    if !start.starts(with: bytes) && !bytes.starts(with: start) { throw noTable(path) }
  }

  private static func noTable(_ path: String) -> InputError {
    mistake(.badData, path, "expected the table of a sweep, which starts with \(columns.joined(separator: ","))")
  }

  private static func cells(_ line: String) -> [String] {
    line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  private static func mistake(_ code: ExitCode, _ place: String, _ mistake: String) -> InputError {
    InputError(code, "\(place): \(mistake); give another directory with --output, or move the file away")
  }

  /// The row of a line with so many cells.
  private static func row(
    _ cells: [String], in count: Int, _ place: String, _ identities: [Identity]
  ) throws(InputError) -> Row {
    let figures = cells.dropFirst(columns.count).compactMap { Double($0) }
    guard cells.count == count, figures.count == count - columns.count,
      let blockSize = DropBlockOption.blockSize(cells[columns.count - 2]),
      let keepProbability = DropBlockOption.keepProbability(cells[columns.count - 1])
    else {
      throw mistake(
        .badData, place,
        "expected \(count) cells, those from block_size on numbers; got \(cells.joined(separator: ","))")
    }
    let names = identities.map(\.checkpoint)
    guard let identity = names.firstIndex(of: cells[0]).map({ identities[$0] }) else {
      throw mistake(
        .badConfiguration, place,
        "expected a checkpoint of this sweep, \(names.joined(separator: ", ")); got \(cells[0])")
    }
    for (column, (wanted, got)) in zip(Identity.columns, zip(identity.cells, cells)) where wanted != got {
      throw mistake(
        .badConfiguration, place,
        "\(column == "digest" ? "digest of weights and configuration" : column) of \(cells[0]): expected \(wanted), as "
          + "in this sweep; got \(got)")
    }
    return Row(checkpoint: cells[0], blockSize: blockSize, keepProbability: keepProbability, figures: figures)
  }

  /// Whether the table has an evaluation.
  func contains(_ checkpoint: String, blockSize: Int, keepProbability: Double) -> Bool {
    rows.contains {
      $0.checkpoint == checkpoint && $0.blockSize == blockSize && $0.keepProbability == keepProbability
    }
  }

  /// Appends the rows of an evaluation; throws 73, and 78 for figures that the other rows do not have.
  func append(_ point: SweepPoint, of identity: Identity, _ figures: [(name: String, value: Double)]) throws {
    var text = ""
    if figureNames.isEmpty {
      figureNames = figures.map(\.name)
      text = (Self.columns + figureNames).joined(separator: ",") + "\n"
    }
    if figures.map(\.name) != figureNames {
      throw InputError(
        .badConfiguration,
        "\(file.path): expected the figures \(figureNames.joined(separator: ", ")); \(identity.checkpoint) has "
          + "\(figures.map(\.name).joined(separator: ", ")); give another directory with --output")
    }
    for blockSize in point.blockSizes {
      let numbers = ["\(blockSize)", "\(point.keepProbability)"] + figures.map { "\($0.value)" }
      text += (identity.cells + numbers).joined(separator: ",") + "\n"
      rows.append(
        Row(
          checkpoint: identity.checkpoint, blockSize: blockSize, keepProbability: point.keepProbability,
          figures: figures.map(\.value)))
    }
    try file.append(Array(text.utf8))
  }
}

import Datasets
import Reporting
import Tensors

/// `report`: runs as one page that needs nothing but itself.
public struct ReportRequest: Equatable, Sendable {
  /// The run directories, at least one.
  public var runs: [String]
  /// The file of the page; nil is `report.html` in the directory of the run.
  public var output: String?

  /// A request.
  ///
  /// - Throws: `InputError` with code 64 for several runs and no output.
  public init(runs: [String], output: String?) throws {
    if runs.count > 1 && output == nil {
      throw InputError(
        .usage, "--output: expected the file of the page of \(runs.count) runs, got none; give --output FILE.html")
    }
    (self.runs, self.output) = (runs, output)
  }

  /// Reads the runs and writes the page.
  ///
  /// - Throws: `InputError` with code 66 where there is no run, 65 for files that no run has written, 73 where the page cannot be
  ///   written; `ConfigurationError` for a damaged configuration.
  public func run(_ console: Console) throws {
    let files = try runs.map { try RunFiles($0) }
    let path = output ?? files[0].directory.reportFile
    try requireWritable(path)
    let page = files.count == 1 ? try Self.page(of: files[0]) : ComparisonReport(files).page
    try writeFile(Array(page.html.utf8), to: path)
    console.say("wrote \(path)")
  }

  private static func page(of run: RunFiles) throws -> ReportPage {
    try RunReport(run: run, regularizer: RegularizerSection(run.configuration).blocks).page()
  }
}

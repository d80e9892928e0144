import Foundation

/// Which font files a process draws with.
public struct FontFiles: Equatable, Sendable {
  /// The environment variable that names one.
  public static let variable = "DROPBLOCK_FONT"
  /// What `launch/install` puts beside the programs, so that nodes without any font have words too.
  static let bundledName = "DejaVuSans.ttf"
  /// Files of a list that are tried: a character that none of them has has no glyph.
  private static let limit = 24

  /// The file that the user names, nil where nobody did.
  public let stated: String?
  /// All files in the order in which they are asked for a character, the stated one first.
  public let paths: [String]

  /// Files in this order; `stated` is the one that the user names.
  public init(_ paths: [String], stated: String? = nil) { (self.paths, self.stated) = (paths, stated) }

  /// The file of `$DROPBLOCK_FONT`, then the one beside the program, then those of the system and of the user.
  public static func ofThisMachine(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    program: String? = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  ) -> FontFiles {
    let stated = environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    // PREFIX/lib/dropblock-dist/LEVEL/dropblock-dist
    let bundled = program.map {
      URL(fileURLWithPath: $0).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent(bundledName).path
    }
    let installed = ranked(folders(environment).flatMap(files))
    let beside = bundled.map { FileManager.default.fileExists(atPath: $0) ? [$0] : [] } ?? []
    return FontFiles((stated.map { [$0] } ?? []) + (beside + installed).prefix(limit), stated: stated)
  }

  /// The folders that fontconfig looks into where nobody says otherwise.
  private static func folders(_ environment: [String: String]) -> [String] {
    let home = environment["HOME"].map { ["\($0)/.local/share/fonts", "\($0)/.fonts"] } ?? []
    return ["/usr/share/fonts", "/usr/local/share/fonts"] + home
  }

  /// The font files below a folder.
  private static func files(below folder: String) -> [String] {
    guard let entries = FileManager.default.enumerator(atPath: folder) else { return [] }
    return entries.compactMap { entry in
      guard let name = entry as? String, ["ttf", "otf", "ttc"].contains((name as NSString).pathExtension.lowercased())
      else { return nil }
      return "\(folder)/\(name)"
    }
  }

  /// Families without serifs in the order in which they are preferred: those of Latin letters, then those of Chinese, Japanese
  /// and Korean ones.
  private static let preferred = [
    "DejaVuSans", "NotoSans-Regular", "LiberationSans-Regular", "FreeSans", "OpenSans-Regular", "Roboto-Regular",
    "NotoSansCJK-Regular", "SourceHanSans-Regular", "DroidSansFallbackFull", "DroidSansFallback", "wqy-microhei",
    "wqy-zenhei", "ipag", "NanumGothic", "unifont",
  ]

  /// Files by preference: known families, then Noto's of single scripts, then the others by their paths.
  static func ranked(_ paths: [String]) -> [String] {
    func rank(_ path: String) -> Int {
      let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
      if let place = preferred.firstIndex(of: name) { return place }
      return name.hasPrefix("NotoSans") && name.hasSuffix("-Regular") ? preferred.count : preferred.count + 1
    }
    return paths.map { (rank: rank($0), path: $0) }.sorted { $0 < $1 }.map(\.path)
  }
}

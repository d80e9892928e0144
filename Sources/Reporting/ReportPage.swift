/// A page that needs nothing but itself: no network, no other file, no script.
public struct ReportPage: Sendable {
  /// A number that is seen first.
  public struct Tile: Sendable {
    /// What it is.
    public let label: String
    /// As it is read.
    public let value: String
    /// What else is to be known of it, empty for nothing.
    public let note: String

    /// A tile of its parts.
    public init(_ label: String, _ value: String, note: String = "") {
      (self.label, self.value, self.note) = (label, value, note)
    }
  }

  /// A picture with words below it.
  public struct Picture: Sendable {
    /// The type of the file: `image/jpeg` or `image/png`.
    public let type: String
    /// The bytes of the file.
    public let file: [UInt8]
    /// What it shows.
    public let caption: String

    /// A picture of its parts.
    public init(type: String, file: [UInt8], caption: String) {
      (self.type, self.file, self.caption) = (type, file, caption)
    }
  }

  /// How much room pictures get.
  public enum PictureSize: String, Sendable {
    /// Many in a row, as masks.
    case small
    /// Four in a row, as photographs; two on a telephone.
    case large
    /// One in a row, as a sheet of pictures.
    case whole
  }

  /// A part of a section.
  public indirect enum Block: Sendable {
    /// A paragraph.
    case text(String)
    /// Lines whose blanks count.
    case lines(String)
    /// Rows and columns.
    case table(Table)
    /// Curves side by side where there is room; empty ones are left out.
    case charts([LineChart])
    /// Pictures side by side.
    case pictures([Picture], PictureSize)
    /// What is shown only when it is asked for, under a line of words.
    case details(String, [Block])
  }

  /// What belongs together, under a heading.
  public struct Section: Sendable {
    /// The heading.
    public let title: String
    /// The parts, in their order.
    public let blocks: [Block]

    /// A section of its parts.
    public init(_ title: String, _ blocks: [Block]) { (self.title, self.blocks) = (title, blocks) }
  }

  /// The name of what is reported on.
  public let title: String
  /// What it is, in a line.
  public let subtitle: String
  /// The numbers that are seen first.
  public let tiles: [Tile]
  /// The sections, in their order.
  public let sections: [Section]

  /// A page of its parts.
  public init(title: String, subtitle: String, tiles: [Tile], sections: [Section]) {
    (self.title, self.subtitle, self.tiles, self.sections) = (title, subtitle, tiles, sections)
  }
}

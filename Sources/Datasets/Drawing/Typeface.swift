import CFreeType
import Glibc
import Tensors

/// A drawn character: how much of each pixel its ink covers.
struct Glyph: Sendable {
  /// Columns from the pen to the bitmap's first one.
  let left: Int
  /// Rows from the bitmap's first one down to the baseline.
  let rise: Int
  /// Columns of the bitmap.
  let width: Int
  /// The bitmap, row by row, 255 for a pixel that is covered whole.
  let coverage: [UInt8]
  /// Pixels from the pen to where the next character begins.
  let advance: Int

  /// Rows of the bitmap.
  var height: Int { width > 0 ? coverage.count / width : 0 }
}

/// The letters of words in pictures, from the outlines of font files.
///
/// Several threads may draw with one typeface. Files are opened when a character asks for them, and each glyph is rendered
/// once for a size. A character that no file has is the replacement character, or what the first file has in its place.
public final class Typeface: Sendable {
  /// The one of this process; the system's folders are searched once, when the first picture is drawn.
  public static let ofThisProcess = Typeface(.ofThisMachine())

  /// Whether no file could be opened: pictures have no words then.
  public let isMissing: Bool
  private let stated: String?
  private let isStatedUsable: Bool
  private let faces: Monitor<FontFaces>

  /// The letters of these files, of which some may not be usable.
  public init(_ files: FontFiles) {
    let faces = FontFaces(files.paths)
    let first = faces.first
    (isMissing, stated, isStatedUsable) = (first == nil, files.stated, first != nil && first == files.stated)
    self.faces = Monitor(faces)
  }

  /// What to warn of after so many pictures were drawn: that they have no words, or that a stated file is not used.
  public func remark(pictures: Int) -> String? {
    let advice = "install fonts-dejavu-core (dejavu-sans-fonts), or name a font file with \(FontFiles.variable)"
    if isMissing {
      return "no font was found: \(pictures) \(pictures == 1 ? "picture is" : "pictures are") drawn without words"
        + (stated.map { " (\(FontFiles.variable)=\(shown($0)) is no font file that can be read)" } ?? "")
        + "; \(advice)"
    }
    guard let stated, !isStatedUsable else { return nil }
    return "\(FontFiles.variable)=\(shown(stated)): is no font file that can be read; another font is used"
  }

  /// The glyphs of characters, with the rows above and below the baseline that a line of this size has.
  ///
  /// `size` is the height of the em square in pixels. Without a file there is nothing.
  func glyphs(_ scalars: [Unicode.Scalar], size: Int) -> (glyphs: [Glyph], ascent: Int, descent: Int) {
    faces.withLock { faces in
      if isMissing { return ([], 0, 0) }
      let (ascent, descent) = faces.extent(size: size)
      return (scalars.map { faces.glyph(of: $0, size: size) }, ascent, descent)
    }
  }
}

/// Opened font files with the glyphs rendered so far; one thread at a time.
private final class FontFaces {
  /// A place in one of the files.
  private struct Outline: Hashable {
    let face: Int
    let glyph: UInt32
    let size: Int
  }

  private var library: FT_Library?
  private var faces: [FT_Face] = []
  /// Files not tried yet.
  private var rest: ArraySlice<String>
  private var places: [Unicode.Scalar: (face: Int, glyph: UInt32)] = [:]
  private var glyphs: [Outline: Glyph] = [:]
  /// The file of the first face; nil where none of all can be used.
  private(set) var first: String?

  init(_ paths: [String]) {
    rest = paths[...]
    if FT_Init_FreeType(&library) != 0 { rest = [] }
    while first == nil, let path = rest.first { if openNext() { first = path } }
  }

  deinit {
    for face in faces { FT_Done_Face(face) }
    if let library { FT_Done_FreeType(library) }
  }

  /// Opens the next file; false where it is no font that can be scaled, or cannot be read.
  private func openNext() -> Bool {
    guard let path = rest.popFirst(), let file = try? openRegularFile(path) else { return false }
    close(file.descriptor)
    var face: FT_Face?
    guard FT_New_Face(library, path, 0, &face) == 0, let face else { return false }
    guard face.pointee.face_flags & FT_Long(FT_FACE_FLAG_SCALABLE) != 0 else {
      FT_Done_Face(face)
      return false
    }
    faces.append(face)
    return true
  }

  /// Rows above and below the baseline of the first face.
  func extent(size: Int) -> (ascent: Int, descent: Int) {
    FT_Set_Pixel_Sizes(faces[0], 0, FT_UInt(size))
    let metrics = faces[0].pointee.size.pointee.metrics
    return ((metrics.ascender + 63) >> 6, (63 - metrics.descender) >> 6)
  }

  func glyph(of scalar: Unicode.Scalar, size: Int) -> Glyph {
    let place = places[scalar] ?? find(scalar)
    places[scalar] = place
    let outline = Outline(face: place.face, glyph: place.glyph, size: size)
    if let glyph = glyphs[outline] { return glyph }
    let glyph = render(outline)
    glyphs[outline] = glyph
    return glyph
  }

  /// Where a character is: in the first file that has it, else the replacement character, else the first file's own sign for a
  /// missing one.
  private func find(_ scalar: Unicode.Scalar) -> (face: Int, glyph: UInt32) {
    var next = 0
    while next < faces.count || !rest.isEmpty {
      if next == faces.count && !openNext() { continue }
      let glyph = FT_Get_Char_Index(faces[next], FT_ULong(scalar.value))
      if glyph != 0 { return (next, glyph) }
      next += 1
    }
    return (0, FT_Get_Char_Index(faces[0], 0xFFFD))
  }

  private func render(_ outline: Outline) -> Glyph {
    let face = faces[outline.face]
    FT_Set_Pixel_Sizes(face, 0, FT_UInt(outline.size))
    guard FT_Load_Glyph(face, outline.glyph, freetype_load_smooth) == 0, let slot = face.pointee.glyph else {
      return Glyph(left: 0, rise: 0, width: 0, coverage: [], advance: 0)
    }
    let bitmap = slot.pointee.bitmap
    let (width, height, pitch) = (Int(bitmap.width), Int(bitmap.rows), Int(bitmap.pitch))
    var coverage: [UInt8] = []
    for row in 0..<height {
      coverage += UnsafeBufferPointer(start: bitmap.buffer + row * pitch, count: width)
    }
    return Glyph(
      left: Int(slot.pointee.bitmap_left), rise: Int(slot.pointee.bitmap_top), width: width, coverage: coverage,
      advance: (slot.pointee.advance.x + 32) >> 6)
  }
}

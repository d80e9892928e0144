import Tensors

/// What a picture file may claim in its header, before anything of it is decoded.
enum ImageSizeLimit {
  /// The most pixels of a picture: decoded they take 300 MB.
  static let pixels = 100_000_000

  /// Throws exit code 65 for a picture whose file is too short for its pixels, where a byte can stand for `densest` of them,
  /// and for one of more than `pixels`.
  static func check(
    width: Int, height: Int, kind: String, fileBytes: Int, densest: Int, name: String
  ) throws {
    let (count, overflows) = width.multipliedReportingOverflow(by: height)
    if overflows || count > densest * fileBytes {
      throw InputError(
        .badData,
        "\(name): header: expected at most \(densest * fileBytes) pixels in a \(kind) file of \(fileBytes) bytes, got "
          + "\(width)x\(height); replace the file")
    }
    if count > pixels {
      throw InputError(
        .badData,
        "\(name): header: expected at most \(pixels) pixels, got \(width)x\(height); cut or shrink the image")
    }
  }
}

import Tensors

/// The lines of a text file with what messages call their places, those without text left out.
///
/// A byte-order mark before the text, and any system's line ends, mean nothing. Throws exit code 66 when the file cannot be
/// opened, 65 when it is not text in UTF-8.
func textLines(of path: String) throws -> [(place: String, text: Substring)] {
  var bytes: [UInt8] = []
  try readFile(path, into: &bytes)
  if let fault = bytes.withUnsafeBytes({ TextEncoding.fault(in: $0) }) {
    throw InputError(.badData, "\(path): \(fault)")
  }
  if bytes.starts(with: TextEncoding.byteOrderMark) { bytes.removeFirst(TextEncoding.byteOrderMark.count) }
  let lines = String(decoding: bytes, as: UTF8.self).split(
    omittingEmptySubsequences: false, whereSeparator: \.isNewline)
  return lines.enumerated().filter { !$1.allSatisfy(\.isWhitespace) }.map { ("\(path):\($0 + 1)", $1) }
}

import CZlib
import Tensors

/// Reads a whole file that may be compressed with gzip, into memory as it was before.
///
/// Throws exit code 66 when the file is missing, 65 when it is damaged or holds more than `limit` bytes.
func readMaybeCompressed(_ path: String, limit: Int) throws -> [UInt8] {
  let descriptor = try openForReading(path)
  _ = try fileStatus(descriptor, path)
  // It owns the descriptor, and reads what does not start as gzip as it is.
  guard let file = gzdopen(descriptor, "rb") else {
    throw InputError(.internalError, "\(path): zlib has no memory to read it")
  }
  defer { gzclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let count = gzread(file, &buffer, UInt32(buffer.count))
    if count < 0 { throw InputError(.badData, "\(path): is damaged: \(gzipMessage(file))") }
    if count == 0 { break }
    bytes += buffer[..<Int(count)]
    if bytes.count > limit {
      throw InputError(.badData, "\(path): expected at most \(limit) bytes of content, got more")
    }
  }
  // A stream that is cut off ends without an error from gzread.
  var code: Int32 = 0
  _ = gzerror(file, &code)
  if code != Z_OK { throw InputError(.badData, "\(path): is cut off or damaged: \(gzipMessage(file))") }
  return bytes
}

private func gzipMessage(_ file: gzFile) -> String {
  var code: Int32 = 0
  guard let text = gzerror(file, &code) else { return "zlib error \(code)" }
  let message = String(cString: text)
  return message.isEmpty ? "zlib error \(code)" : message
}

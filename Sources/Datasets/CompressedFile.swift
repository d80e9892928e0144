import CLZMA
import CZlib
import Glibc
import Tensors

/// Reads a whole file that may be compressed with gzip or xz, into memory as it was before.
///
/// Throws exit code 66 when the file is missing, 65 when it is damaged or holds more than `limit` bytes.
func readMaybeCompressed(_ path: String, limit: Int) throws -> [UInt8] {
  let descriptor = try openForReading(path)
  var start = [UInt8](repeating: 0, count: xzSignature.count)
  let isXZ = pread(descriptor, &start, start.count, 0) == start.count && start == xzSignature
  if !isXZ { return try readMaybeGzip(descriptor, path, limit) }
  close(descriptor)
  return try readXZ(path, limit)
}

private let xzSignature: [UInt8] = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]

/// Reads what does not start as gzip as it is.
private func readMaybeGzip(_ descriptor: Int32, _ path: String, _ limit: Int) throws -> [UInt8] {
  do {
    _ = try fileStatus(descriptor, path)
  } catch {
    close(descriptor)
    throw error
  }
  // It owns the descriptor.
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
    try check(bytes, path, limit)
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

private func readXZ(_ path: String, _ limit: Int) throws -> [UInt8] {
  let file = try MappedFile(path: path)
  return try withExtendedLifetime(file) { try decodeXZ(file.bytes, path, limit) }
}

private func decodeXZ(_ file: UnsafeRawBufferPointer, _ path: String, _ limit: Int) throws -> [UInt8] {
  var stream = lzma_stream()
  defer { lzma_end(&stream) }
  // A dictionary of 64 MiB is the largest that the tool's presets make.
  let status = lzma_stream_decoder(&stream, 1 << 27, UInt32(dropblock_lzma_concatenated.rawValue))
  if status != LZMA_OK { throw InputError(.internalError, "\(path): liblzma cannot decode: error \(status.rawValue)") }
  stream.next_in = file.bindMemory(to: UInt8.self).baseAddress
  stream.avail_in = file.count
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let result = buffer.withUnsafeMutableBufferPointer { buffer in
      stream.next_out = buffer.baseAddress
      stream.avail_out = buffer.count
      return lzma_code(&stream, LZMA_FINISH)
    }
    bytes += buffer[..<(buffer.count - stream.avail_out)]
    try check(bytes, path, limit)
    if result == LZMA_STREAM_END { return bytes }
    if result != LZMA_OK {
      let cause = result == LZMA_BUF_ERROR ? "the end is missing" : "liblzma error \(result.rawValue)"
      throw InputError(.badData, "\(path): is cut off or damaged: \(cause)")
    }
  }
}

private func check(_ bytes: [UInt8], _ path: String, _ limit: Int) throws {
  if bytes.count > limit {
    throw InputError(.badData, "\(path): expected at most \(limit) bytes of content, got more")
  }
}

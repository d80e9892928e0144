import CLZMA
import CZlib
import Glibc
import Tensors

/// A file that may be compressed with gzip or xz, read from its start as it was before.
///
/// Only what is asked for is inflated: a few kilobytes can stand for gigabytes, so a reader first reads a header and
/// then as much as it promises.
final class CompressedFile {
  /// What messages call it.
  let path: String
  /// The size of the file as it is stored, in bytes.
  let storedByteCount: Int
  /// Whether the content is what is stored.
  let isPlain: Bool
  private let content: any InflatedContent

  /// Opens a file; throws exit code 66 when it is missing, 65 when it cannot be read.
  init(_ path: String) throws {
    let descriptor = try openForReading(path)
    var start = [UInt8](repeating: 0, count: 6)
    let count: Int
    do {
      storedByteCount = try fileStatus(descriptor, path).size
      count = pread(descriptor, &start, start.count, 0)
      if count < 0 { throw InputError(.badData, "\(path): cannot be read: \(systemMessage())") }
    } catch {
      close(descriptor)
      throw error
    }
    let isXZ = start[..<count].starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])
    self.path = path
    isPlain = !isXZ && !start[..<count].starts(with: [0x1f, 0x8b])
    // zlib hands on what does not start as gzip as it is.
    content = isXZ ? try XZContent(closing: descriptor, path) : try GzipContent(closing: descriptor, path)
  }

  /// The next `count` bytes, fewer only at the end of the file; throws exit code 65 where it is damaged.
  func read(_ count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = try content.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// The most bytes that the stored ones can stand for: deflate needs at least a bit for every 129 bytes.
  var greatestByteCount: Int {
    if isPlain { return storedByteCount }
    return content is GzipContent && storedByteCount < .max / 1032 ? storedByteCount * 1032 : .max
  }
}

/// The content of a compressed file, from its start on.
private protocol InflatedContent {
  /// Fills the buffer with the next bytes, less only at the end; throws exit code 65 where the file is damaged.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

private func cutOff(_ path: String, _ cause: String) -> InputError {
  InputError(.badData, "\(path): is cut off or damaged: \(cause); fetch the file again")
}

/// Owns zlib's handle of a file.
private final class GzipContent: InflatedContent {
  private let path: String
  private let file: gzFile

  init(closing descriptor: Int32, _ path: String) throws {
    guard let file = gzdopen(descriptor, "rb") else {
      close(descriptor)
      throw InputError(.internalError, "\(path): zlib has no memory to read it")
    }
    (self.path, self.file) = (path, file)
  }

  deinit { gzclose(file) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < buffer.count {
      let count = gzread(file, buffer.baseAddress.map { $0 + done }, UInt32(min(buffer.count - done, 1 << 20)))
      if count < 0 { throw InputError(.badData, "\(path): is damaged: \(message); fetch the file again") }
      if count == 0 { break }
      done += Int(count)
    }
    if done < buffer.count {
      // A stream that is cut off ends without an error from gzread.
      var code: Int32 = 0
      _ = gzerror(file, &code)
      if code != Z_OK { throw cutOff(path, message) }
    }
    return done
  }

  private var message: String {
    var code: Int32 = 0
    guard let text = gzerror(file, &code) else { return "zlib error \(code)" }
    let message = String(cString: text)
    return message.isEmpty ? "zlib error \(code)" : message
  }
}

/// Owns liblzma's decoder of a file.
private final class XZContent: InflatedContent {
  private let path: String
  private let file: MappedFile
  private var stream = lzma_stream()
  private var isAtEnd = false

  init(closing descriptor: Int32, _ path: String) throws {
    close(descriptor)
    file = try MappedFile(path: path)
    self.path = path
    // The file says how much memory its dictionary takes; 64 MiB is the most that the tool's presets ask for.
    let limit: UInt64 = 1 << 27
    let status = lzma_stream_decoder(&stream, limit, UInt32(dropblock_lzma_concatenated.rawValue))
    guard status == LZMA_OK else {
      throw InputError(.internalError, "\(path): liblzma cannot decode: error \(status.rawValue)")
    }
    stream.next_in = file.bytes.bindMemory(to: UInt8.self).baseAddress
    stream.avail_in = file.bytes.count
  }

  deinit { lzma_end(&stream) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    stream.next_out = buffer.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = buffer.count
    while !isAtEnd && stream.avail_out > 0 {
      let result = lzma_code(&stream, LZMA_FINISH)
      if result == LZMA_STREAM_END {
        isAtEnd = true
      } else if result == LZMA_MEMLIMIT_ERROR {
        throw InputError(
          .badData,
          "\(path): expected a dictionary of at most 64 MiB, got one that takes \(lzma_memusage(&stream) >> 20) MiB; "
            + "compress it with xz -9 or less")
      } else if result != LZMA_OK {
        let cause = result == LZMA_BUF_ERROR ? "the end is missing" : "liblzma error \(result.rawValue)"
        throw cutOff(path, cause)
      }
    }
    return buffer.count - stream.avail_out
  }
}

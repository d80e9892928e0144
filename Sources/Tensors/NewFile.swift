import Glibc

/// Why a file cannot be written: what was tried, and the system's words.
public struct WritingFailure: Error {
  /// What was tried, to stand behind "cannot".
  public let action: String
  /// Why it failed.
  public let reason: String

  /// A failure with the words for an error number of the system.
  public init(_ action: String, errno code: Int32) {
    (self.action, reason) = (action, String(cString: strerror(code)))
  }

  /// A failure for a reason in words.
  public init(_ action: String, _ reason: String) { (self.action, self.reason) = (action, reason) }
}

/// A name beside `path` that nobody can guess.
///
/// Where others may write into a directory, a name that they know beforehand could be a link of theirs.
public func temporaryName(beside path: String) -> String {
  "\(path).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
}

/// Creates a file and opens it for writing; an entry of that name, be it a link, is left alone and refused.
public func createFile(_ path: String) throws(WritingFailure) -> Int32 {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
  if descriptor < 0 { throw WritingFailure("create", errno: errno) }
  return descriptor
}

/// Creates a file that only grows, or opens it; each write then goes to its end.
///
/// Never opens what a link leads to, and neither opens nor waits for anything but a regular file.
public func openFileForAppending(_ path: String) throws(WritingFailure) -> Int32 {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0o666)
  if descriptor < 0 {
    let code = errno
    if code == ELOOP || code == ENXIO, let kind = kind(of: path) { throw notAFile(kind) }
    throw WritingFailure("open", errno: code)
  }
  var status = stat()
  if fstat(descriptor, &status) == 0, let kind = otherKind(status.st_mode) {
    close(descriptor)
    throw notAFile(kind)
  }
  return descriptor
}

/// Writes all of some bytes to a descriptor; `written` counts them also where it fails.
public func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, written: inout Int) throws(WritingFailure) {
  written = 0
  while written < bytes.count {
    let count = write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw WritingFailure("write", errno: errno) }
    written += count
  }
}

/// Writes all elements of an array as they lie in memory; see the other form.
public func writeAll<Element: BitwiseCopyable>(
  _ elements: [Element], to descriptor: Int32, written: inout Int
) throws(WritingFailure) {
  try elements.withUnsafeBytes { bytes in
    Result { () throws(WritingFailure) in try writeAll(bytes, to: descriptor, written: &written) }
  }.get()
}

/// Gives a file new content in one step; see the other form.
public func replaceFile(_ path: String, with bytes: [UInt8]) throws(WritingFailure) {
  try replaceFile(path) { (descriptor) throws(WritingFailure) in
    var written = 0
    try writeAll(bytes, to: descriptor, written: &written)
  }
}

/// Gives a file new content in one step, which `write` puts into a descriptor: readers see the old or the new, and a file
/// that could not be written whole is as it was.
///
/// A link of that name is replaced, not followed. What is no regular file, such as the terminal behind `/dev/stdout`,
/// is refused.
public func replaceFile(
  _ path: String, write: (_ descriptor: Int32) throws(WritingFailure) -> Void
) throws(WritingFailure) {
  if let kind = kindBehind(path) { throw notAFile(kind) }
  let temporary = temporaryName(beside: path)
  let descriptor = try createFile(temporary)
  do throws(WritingFailure) {
    try write(descriptor)
  } catch {
    close(descriptor)
    unlink(temporary)
    throw error
  }
  // Network file systems tell of a full disk as late as here.
  let isWritten = close(descriptor) == 0
  if isWritten && rename(temporary, path) == 0 { return }
  let failure = WritingFailure(isWritten ? "replace" : "write", errno: errno)
  unlink(temporary)
  throw failure
}

/// Throws where `replaceFile` would: before work whose results would be lost.
public func requireReplaceable(_ path: String) throws(WritingFailure) {
  if let kind = kindBehind(path) { throw notAFile(kind) }
  let temporary = temporaryName(beside: path)
  close(try createFile(temporary))
  unlink(temporary)
}

private func notAFile(_ kind: String) -> WritingFailure {
  WritingFailure("write", "it is \(kind), expected a regular file or none")
}

/// What an entry itself is, nil for a regular file or none.
private func kind(of path: String) -> String? {
  var status = stat()
  return lstat(path, &status) == 0 ? otherKind(status.st_mode) : nil
}

/// What a path leads to, nil for a regular file or nothing.
private func kindBehind(_ path: String) -> String? {
  var status = stat()
  return stat(path, &status) == 0 ? otherKind(status.st_mode) : nil
}

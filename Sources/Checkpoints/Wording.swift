import Glibc
import Tensors

/// A file whose content is not what it must be: exit code 65.
func damaged(_ path: String, _ place: String, expected: String, got: String) -> InputError {
  InputError(
    .badData, "\(path): \(place): expected \(expected), got \(got); the file is damaged: write or fetch it again")
}

/// A file that is sound but does not fit its use: exit code 65.
func unfit(
  _ path: String, _ place: String, expected: String, got: String, remedy: String? = nil
) -> InputError {
  InputError(.badData, "\(path): \(place): expected \(expected), got \(got)\(remedy.map { "; \($0)" } ?? "")")
}

/// A file or directory that cannot be opened: exit code 66.
func unreadable(_ path: String, errno code: Int32) -> InputError {
  InputError(.missingFile, "\(path): cannot open: \(errorText(code))")
}

/// A file or directory that cannot be written: exit code 73.
func unwritable(_ path: String, _ action: String, errno code: Int32) -> InputError {
  unwritable(path, WritingFailure(action, errno: code))
}

/// A file that cannot be written: exit code 73.
func unwritable(_ path: String, _ failure: WritingFailure) -> InputError {
  InputError(
    .cannotWrite,
    "\(path): cannot \(failure.action): \(failure.reason); free space or choose another output directory")
}

/// The C library's words for an error number.
func errorText(_ code: Int32) -> String {
  String(cString: strerror(code))
}

/// A text in quotes, cut when a damaged file makes it long.
func quoted(_ text: String) -> String {
  text.count <= 80 ? "\"\(text)\"" : "\"\(text.prefix(77))...\""
}

import ArgumentParser
import Glibc
import Tensors

/// The arguments of this process, of which file names need not be UTF-8.
enum ProgramArguments {
  /// The arguments for the parser: those that are not UTF-8 with the bytes escaped that are at fault.
  ///
  /// A configuration's paths understand these escapes, and `path` does for images. Throws a validation error for any
  /// other option with such a value, which would mean another file.
  static func texts() throws -> [String] {
    let arguments = bytes()
    return try arguments.enumerated().map { index, argument in
      if let text = String(validating: argument, as: UTF8.self) { return text }
      let text = FilePath.text(argument)
      let before = index > 0 ? FilePath.text(arguments[index - 1]) : ""
      let isValue = before.hasPrefix("--") && before != "--" && !before.contains("=")
      let option = text.hasPrefix("--") ? text : isValue ? before : ""
      if option.hasPrefix("--") && !option.hasPrefix("--set") {
        throw ValidationError("\(option): expected text in UTF-8, got \(text); give a link of another name to it")
      }
      return text
    }
  }

  /// The file that an argument names, as the parser has it.
  static func path(_ text: String) -> FilePath {
    // Only an escape can be at fault, and looking for it takes a look at all arguments.
    if !text.contains("\\x") { return FilePath(text) }
    let argument = bytes().first { String(validating: $0, as: UTF8.self) == nil && FilePath.text($0) == text }
    return argument.map { FilePath(bytes: $0) } ?? FilePath(text)
  }

  /// Throws exit code 64 where the working directory's name is not UTF-8: results would go to another place.
  static func requireReadableDirectory() throws {
    guard let path = getcwd(nil, 0) else { return }
    defer { free(path) }
    let bytes = UnsafeRawBufferPointer(start: path, count: strlen(path))
    if String(validating: bytes, as: UTF8.self) != nil { return }
    throw InputError(
      .usage,
      "\(FilePath.text(bytes)): expected a working directory with a name in UTF-8; start the command "
        + "from another one")
  }

  private static func bytes() -> [[UInt8]] {
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      CommandLine.unsafeArgv[index].map { pointer in
        Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
      }
    }
  }
}

import ArgumentParser
import Glibc
import Tensors

/// The arguments of this process, of which file names need not be UTF-8.
enum ProgramArguments {
  /// The arguments for the parser: those that are not UTF-8 with the bytes escaped that are at fault.
  ///
  /// A configuration's paths understand these escapes, and `path` does for images. Throws a validation error for any
  /// other option with such a value, which would mean another file, and for empty arguments.
  static func texts() throws -> [String] {
    let arguments = bytes()
    try requireText(arguments)
    return try arguments.enumerated().map { index, argument in
      if let text = String(validating: argument, as: UTF8.self) { return text }
      let text = FilePath.text(argument)
      let option = text.hasPrefix("--") ? text : option(before: index, arguments)
      if option.hasPrefix("--") && !option.hasPrefix("--set") {
        throw ValidationError("\(option): expected text in UTF-8, got \(text); give a link of another name to it")
      }
      return text
    }
  }

  /// The option whose value an argument is, if it is one; empty else.
  private static func option(before index: Int, _ arguments: [[UInt8]]) -> String {
    let before = index > 0 ? FilePath.text(arguments[index - 1]) : ""
    return before.hasPrefix("--") && before != "--" && !before.contains("=") ? before : ""
  }

  /// Throws a validation error for an empty argument, and for an option of the form `--option=` with nothing behind it.
  ///
  /// Nothing can be meant by them, and as a path they would be the working directory.
  private static func requireText(_ arguments: [[UInt8]]) throws {
    let equals = UInt8(ascii: "=")
    let optionCount = arguments.firstIndex(of: Array("--".utf8)) ?? arguments.count
    for (index, argument) in arguments.enumerated() {
      var place = ""
      if argument.isEmpty {
        let option = option(before: index, arguments)
        place = option.isEmpty ? "argument \(index + 1)" : option
      } else if index < optionCount, argument.starts(with: "--".utf8),
        argument.firstIndex(of: equals) == argument.count - 1
      {
        place = FilePath.text(argument.dropLast())
      } else {
        continue
      }
      throw ValidationError(
        "\(place): expected a value, got an empty one; give one, or set the variable that stands for it")
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

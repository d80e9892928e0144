/// Stops the program with a message when a programmer's promise is broken, also in release builds.
///
/// `precondition` drops its text under `-O`; this does not. It is for mistakes of the calling code (a wrong shape, a
/// count that does not fit); mistakes of the user are typed errors.
@inline(__always)
public func require(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  if !condition() { fatalError(message(), file: file, line: line) }
}

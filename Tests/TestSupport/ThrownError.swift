/// The error of a type that `body` throws; nil when it throws none or another.
///
/// Swift Testing's `#expect(throws:)` hands the error out from Swift 6.1 on only.
public func thrown<Failure: Error>(_ type: Failure.Type, by body: () throws -> some Any) -> Failure? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? Failure
  }
}

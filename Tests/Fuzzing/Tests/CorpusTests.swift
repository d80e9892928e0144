import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct CorpusTests {
  @Test("every file of a corpus is taken or refused with an error for the user", arguments: FuzzTarget.allCases)
  func corpus(_ target: FuzzTarget) throws {
    let folder = "\(Locations.packageRoot)/Tests/Fuzzing/Corpus/\(target.rawValue)"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(names.count >= 3)
    for name in names {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
      bytes.withUnsafeBytes { target.read($0) }
    }
  }
}

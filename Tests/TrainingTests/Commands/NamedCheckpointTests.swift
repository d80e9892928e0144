import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: what a user would expect of each argument.
@Suite struct NamedCheckpointTests {
  @Test(
    "an argument is a path that gives the name, or both",
    arguments: [
      ("runs/plain", "plain", "runs/plain"), ("runs/plain/", "plain", "runs/plain/"),
      ("a/b.safetensors", "b", "a/b.safetensors"), ("a/./b/../c", "c", "a/./b/../c"), ("none=runs/x", "none", "runs/x"),
      ("block 7=x.safetensors", "block 7", "x.safetensors"), ("rate=runs/rate=0.1", "rate", "runs/rate=0.1"),
    ])
  func names(argument: String, name: String, path: String) throws {
    let checkpoint = try NamedCheckpoint(argument)
    #expect(checkpoint.name == name && checkpoint.path == path)
  }

  @Test("what is there is a path, whatever signs it has")
  func equalsSign() throws {
    let folder = try TemporaryDirectory("named")
    let path = try folder.write("", to: "rate=0.1")
    #expect(try NamedCheckpoint(path).path == path && NamedCheckpoint(path).name == "rate=0.1")
  }

  @Test("no name, no path and one name for two are code 64")
  func mistakes() throws {
    for argument in ["=runs/x", "x=", "", "a,b=c", "a\"=c", "a\n=c", "/"] {
      #expect(thrown(InputError.self) { try NamedCheckpoint(argument) }?.exitCode == .usage, "\(argument)")
    }
    let (one, other) = (try NamedCheckpoint("a/run"), try NamedCheckpoint("b/run"))
    let error = thrown(InputError.self) { try NamedCheckpoint.requireDifferentNames([one, other]) }
    #expect(error?.exitCode == .usage && error?.description.contains("--checkpoint NAME=b/run") == true)
    try NamedCheckpoint.requireDifferentNames([one, NamedCheckpoint("other=b/run")])
  }
}

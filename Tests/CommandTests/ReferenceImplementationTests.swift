import Foundation
import TestSupport
import Testing

/// oneDNN's reference implementations are right and a hundred times slower than others: nothing that is shipped may need one.
@Suite struct ReferenceImplementationTests {
  /// Every configuration that is shipped and complete, by its path below `configs`.
  static let configurations: [String] = {
    let folder = "\(Locations.packageRoot)/configs"
    let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return files.filter { $0.hasSuffix(".yaml") && !$0.hasSuffix("/base.yaml") }.sorted()
  }()

  @Test("there are configurations")
  func exist() { #expect(Self.configurations.count > 50) }

  /// On a processor with AVX-512 both kinds are planned, elsewhere what there is.
  @Test("no operation of a shipped configuration is left to one", arguments: configurations, ["", "AVX2"])
  func none(configuration: String, instructions: String) throws {
    let folder = try TemporaryDirectory("inspect")
    let result = try runProgram(
      [
        "inspect", "--config", "\(Locations.packageRoot)/configs/\(configuration)", "--set",
        "planner.algorithms=direct",
        "--json", folder.file("plan.json"),
      ],
      environment: [
        "DNNL_MAX_CPU_ISA": instructions, "OMP_NUM_THREADS": "1", "DROPBLOCK_DATA": folder.file("data"),
      ])
    try #require(result.exitCode == 0, "\(result)")
    let description = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: folder.file("plan.json"))))
    let operations = try #require((description as? [String: Any])?["operations"] as? [[String: Any]])
    let convolutions = operations.filter { ($0["kind"] as? String)?.hasPrefix("convolution") == true }
    #expect(convolutions.count > 10)
    for operation in convolutions {
      #expect(
        operation["is_reference"] as? Bool == false,
        "\(operation["name"] ?? ""), \(operation["kind"] ?? ""), \(operation["algorithm"] ?? "")")
    }
  }
}

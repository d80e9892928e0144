import Foundation
import TestSupport
import Testing

/// Oracle: oneDNN limited by its own variable.
@Suite struct InstructionLevelTests {
  /// The momentum after two steps, with options and variables.
  private func momentum(_ options: String..., environment: [String: String] = [:]) throws -> Data {
    let space = try Workspace()
    let result = try space.program(ranks: 1, space.train() + options, environment: environment)
    try #require(result.exitCode == 0, "\(result)")
    return try Data(
      contentsOf: URL(fileURLWithPath: space.folder.file("run/checkpoints/step-00000002/optimizer.safetensors")))
  }

  @Test("planner.isa=avx2 trains to the bytes that oneDNN gives when its own variable limits it to AVX2")
  func limited() throws {
    let limited = try momentum("--set", "planner.isa=avx2")
    #expect(try limited == momentum(environment: ["DNNL_MAX_CPU_ISA": "AVX2"]))
    // On a processor with AVX-512 its best are other sums, on one without the same.
    let hasAVX512 = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).contains(" avx512f ")
    let isLimited = ProcessInfo.processInfo.environment["DNNL_MAX_CPU_ISA"] != nil
    #expect(try (limited != momentum()) == (hasAVX512 && !isLimited))
  }
}

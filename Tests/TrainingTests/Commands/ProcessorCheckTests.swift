import Tensors
import Testing

@testable import Training

@Suite struct ProcessorCheckTests {
  @Test("a processor without the build's instructions is refused by name")
  func missingFeature() {
    #expect(throws: InputError.self) {
      try ProcessorCheck.require("avx2 fma avx512f", of: "flags : fpu sse2 avx2 fma")
    }
    do {
      try ProcessorCheck.require("avx2 fma avx512f", of: "flags : fpu sse2 avx2 fma")
    } catch {
      #expect("\(error)".contains("with avx512f, which"))
    }
  }

  @Test("this processor runs what was built on it")
  func ownProcessor() throws {
    try ProcessorCheck.require()
    try ProcessorCheck.require("avx2", of: "")
  }
}

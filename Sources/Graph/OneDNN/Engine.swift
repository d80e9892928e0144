import CLanes
import COneDNN
import Tensors

/// oneDNN's processor engine with its one stream: operations run in the order in which they are given.
///
/// Shared by every plan of a process and passed to whoever plans.
public final class Engine: @unchecked Sendable {
  let handle: dnnl_engine_t
  let stream: dnnl_stream_t

  /// The channel block of activations: 16 on AVX-512, 8 on AVX2.
  public let channelBlock: Int

  /// The processor engine.
  public init() {
    guard let engine = shim_cpu_engine(), let stream = shim_stream(engine) else {
      fatalError("oneDNN has no engine for this processor")
    }
    (handle, self.stream) = (engine, stream)
    channelBlock = shim_has_avx512() != 0 ? 16 : 8
  }

  deinit {
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(handle)
  }

  /// The version of the oneDNN library that runs, for example "2.6.3".
  public static var libraryVersion: String {
    let version = dnnl_version().pointee
    return "\(version.major).\(version.minor).\(version.patch)"
  }

  /// Keeps the library to AVX2 for the rest of the process, before anything else asks it what the processor has.
  ///
  /// Traps when something has.
  public static func limitToAVX2() {
    let status = shim_limit_to_avx2()
    require(
      status == dnnl_success || shim_has_avx512() == 0, "oneDNN had chosen its instructions before they were limited")
  }

  /// The instructions that oneDNN uses, on which memory layouts and rounding depend.
  public static var instructionSet: String {
    let name = shim_has_avx512() != 0 ? "AVX-512" : "AVX2"
    return shim_has_bfloat16() != 0 ? "\(name) with BF16" : name
  }

  /// The floats of a register that this program's own kernels are compiled for: 16 with AVX-512, else 8.
  public static var registerFloats: Int { Int(shim_register_floats()) }

  /// What the bits of a result depend on besides the model and its data: library, instructions, this program's kernels.
  public static var arithmetic: String {
    "oneDNN \(libraryVersion), \(instructionSet), kernels of \(registerFloats) floats"
  }

  /// Whether the processor computes in a precision at full speed; bfloat16 needs AVX512_BF16.
  public static func supports(_ precision: Precision) -> Bool {
    switch precision {
    case .f32: true
    case .bf16: shim_has_bfloat16() != 0
    }
  }

  /// The blocked layout of activations of a shape.
  func activationLayout(_ shape: Shape, _ precision: Precision) -> Layout {
    Layout(shape, .blocked(channelBlock), precision)
  }
}

/// Stops with the call's name when oneDNN refuses a call that the planner had made sure of.
func check(_ status: dnnl_status_t, _ call: @autoclosure () -> String) {
  require(status == dnnl_success, "oneDNN: \(call()): \(String(cString: shim_status_name(status)))")
}

import COneDNN
import Tensors

/// A described oneDNN computation: which layouts it wants and how much scratch memory, before it is compiled.
final class PrimitiveDescription {
  let handle: dnnl_primitive_desc_t

  /// Takes over a description, or nothing when oneDNN has no implementation.
  init?(_ create: (UnsafeMutablePointer<dnnl_primitive_desc_t?>) -> dnnl_status_t) {
    var description: dnnl_primitive_desc_t?
    guard create(&description) == dnnl_success, let description else { return nil }
    handle = description
  }

  deinit { dnnl_primitive_desc_destroy(handle) }

  /// The layout that the computation uses for an argument (`shim_arg_...`).
  func layout(_ argument: Int) -> Layout { Layout(owning: shim_layout_of(handle, Int32(argument))) }

  /// Whether an argument holds floats.
  func isInFloats(_ argument: Int) -> Bool { shim_is_float(handle, Int32(argument)) != 0 }

  /// oneDNN's name of the implementation, such as "jit:avx512_core"; "ref:any" is the slow one.
  var implementation: String { String(cString: shim_implementation(handle)) }

  /// Bytes of scratch memory for one execution.
  var scratchBytes: Int { layout(shim_arg_scratchpad).byteCount }
}

/// A compiled oneDNN computation with its arguments bound to memory.
final class Primitive {
  private let handle: dnnl_primitive_t
  private var arguments: [dnnl_exec_arg_t] = []

  /// Compiles a description and makes one memory object an argument; `place` gives them their memory.
  init(_ description: PrimitiveDescription, engine: Engine, arguments: [Int]) {
    var primitive: dnnl_primitive_t?
    check(dnnl_primitive_create(&primitive, description.handle), "compiling \(description.implementation)")
    guard let primitive else { fatalError("oneDNN compiled nothing") }
    handle = primitive
    var indices = arguments
    if description.scratchBytes > 0 { indices.append(shim_arg_scratchpad) }
    self.arguments = indices.map { index in
      dnnl_exec_arg_t(arg: Int32(index), memory: shim_memory(description.handle, Int32(index), engine.handle))
    }
  }

  deinit {
    for argument in arguments { dnnl_memory_destroy(argument.memory) }
    dnnl_primitive_destroy(handle)
  }

  /// Binds an argument to memory that holds its layout.
  func place(_ argument: Int, at data: UnsafeMutableRawPointer) {
    guard let bound = arguments.first(where: { $0.arg == Int32(argument) }) else { return }
    check(shim_memory_place(bound.memory, data), "placing argument \(argument)")
  }

  /// Computes; returns when the result is in memory.
  func run(_ engine: Engine) {
    let status = arguments.withUnsafeBufferPointer {
      dnnl_primitive_execute(handle, engine.stream, Int32($0.count), $0.baseAddress)
    }
    check(status, "executing a primitive")
    check(dnnl_stream_wait(engine.stream), "waiting for a primitive")
  }
}

/// Copies one tensor from a layout to another, padding lanes zeroed.
func reorder(
  from source: UnsafeRawPointer, _ sourceLayout: Layout, to target: UnsafeMutableRawPointer, _ targetLayout: Layout,
  engine: Engine
) {
  let primitive = reorderPrimitive(sourceLayout, targetLayout, engine: engine)
  let scratch = AlignedMemory(byteCount: primitive.scratchBytes)
  primitive.primitive.place(shim_arg_from, at: UnsafeMutableRawPointer(mutating: source))
  primitive.primitive.place(shim_arg_to, at: target)
  primitive.primitive.place(shim_arg_scratchpad, at: scratch.base)
  primitive.primitive.run(engine)
}

/// The computation that copies between two layouts of the same extents.
func reorderPrimitive(_ from: Layout, _ to: Layout, engine: Engine) -> (primitive: Primitive, scratchBytes: Int) {
  guard let description = PrimitiveDescription({ shim_reorder($0, engine.handle, from.handle, to.handle) }) else {
    fatalError("oneDNN cannot reorder between these layouts")
  }
  return (
    Primitive(description, engine: engine, arguments: [shim_arg_from, shim_arg_to]), description.scratchBytes
  )
}

/// oneDNN's argument numbers, by the names that this package uses.
enum COneDNNArguments {
  static let source = shim_arg_src
  static let destination = shim_arg_dst
  static let weights = shim_arg_weights
  static let bias = shim_arg_bias
  static let sourceGradient = shim_arg_diff_src
  static let destinationGradient = shim_arg_diff_dst
  static let weightsGradient = shim_arg_diff_weights
  static let biasGradient = shim_arg_diff_bias
  static let scratchpad = shim_arg_scratchpad
  static let from = shim_arg_from
  static let to = shim_arg_to
}

import Glibc

/// One owned, zero-filled block of memory, aligned to 2 MiB and offered to the kernel for huge pages.
///
/// Pages are touched first by whoever writes them first. The block lives as long as this object; pointers into it must
/// not outlive it. It is the single place of the package that promises thread safety by hand: the planner decides
/// which operation writes where, and operations run one after another.
public final class AlignedMemory: @unchecked Sendable {
  /// The alignment of the start, in bytes.
  public static let alignment = 2 << 20

  /// Bytes that may be used.
  public let byteCount: Int
  /// The start of the block.
  public let base: UnsafeMutableRawPointer

  private let mapping: UnsafeMutableRawPointer
  private let mappedBytes: Int

  /// Maps at least `byteCount` bytes.
  ///
  /// Traps, naming the size, when the machine has no such memory.
  public init(byteCount: Int) {
    self.byteCount = byteCount
    mappedBytes = max(byteCount, 1) + Self.alignment
    let address = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else {
      fatalError("cannot reserve \(mappedBytes) bytes of memory: \(String(cString: strerror(errno)))")
    }
    mapping = address
    let misalignment = Int(bitPattern: address) % Self.alignment
    base = address + (misalignment == 0 ? 0 : Self.alignment - misalignment)
    _ = madvise(base, byteCount, 14 /* MADV_HUGEPAGE, which Glibc's overlay does not name */)
  }

  deinit { munmap(mapping, mappedBytes) }

  /// The block as elements of `type`, from byte `offset`.
  public func pointer<Element>(to type: Element.Type, at offset: Int = 0) -> UnsafeMutablePointer<Element> {
    require(offset >= 0 && offset <= byteCount, "offset \(offset) outside a block of \(byteCount) bytes")
    return (base + offset).assumingMemoryBound(to: type)
  }
}

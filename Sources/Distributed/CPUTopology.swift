import Glibc
import Tensors

/// Which logical CPUs belong to the same physical core.
public struct CPUTopology: Sendable, Equatable {
  /// For each logical CPU, the lowest logical CPU of its core.
  private let coreOfCPU: [Int: Int]

  /// A topology from each CPU's list of siblings on the same core, itself included.
  public init(siblings: [Int: [Int]]) { coreOfCPU = siblings.mapValues { $0.min() ?? 0 } }

  /// This machine's topology, from the kernel's files; a CPU without them counts as a core of its own.
  public static func current() -> CPUTopology {
    var siblings: [Int: [Int]] = [:]
    let online = kernelText("/sys/devices/system/cpu/online").map(cpuList) ?? Array(0..<processorsOnline())
    for cpu in online {
      let list = kernelText("/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list").map(cpuList) ?? []
      siblings[cpu] = list.isEmpty ? [cpu] : list
    }
    return CPUTopology(siblings: siblings)
  }

  /// All logical CPUs that are online.
  public var cpus: Set<Int> { Set(coreOfCPU.keys) }

  /// The number of physical cores that a set of logical CPUs touches.
  public func coreCount(of cpus: Set<Int>) -> Int { Set(cpus.map { coreOfCPU[$0] ?? $0 }).count }
}

/// The numbers in a kernel CPU list such as `0-3,8`; nothing where it is malformed.
public func cpuList(_ text: String) -> [Int] {
  text.split(whereSeparator: { $0 == "," || $0.isWhitespace }).flatMap { part -> [Int] in
    let ends = part.split(separator: "-").compactMap { Int($0) }
    guard let first = ends.first, let last = ends.last, first <= last, ends.count <= 2 else { return [] }
    return Array(first...last)
  }
}

/// A set of CPUs in the kernel's short form, such as `0-3,8`.
public func cpuListText(_ cpus: Set<Int>) -> String {
  var runs: [ClosedRange<Int>] = []
  for cpu in cpus.sorted() {
    if let last = runs.last, last.upperBound == cpu - 1 {
      runs[runs.count - 1] = last.lowerBound...cpu
    } else {
      runs.append(cpu...cpu)
    }
  }
  return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
}

/// The logical CPUs on which the calling thread may run; ask before OpenMP or anything else moves threads.
public func allowedCPUs() -> Set<Int> {
  let line = kernelText("/proc/thread-self/status")?.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
  let cpus = line.map { cpuList(String($0.dropFirst("Cpus_allowed_list:".count))) } ?? []
  return cpus.isEmpty ? Set(0..<processorsOnline()) : Set(cpus)
}

/// What the container or batch system allows this process, from its control groups (version 2).
public struct CPULimit: Sendable, Equatable {
  /// The CPUs that may be used at all, nil when there is no such limit.
  public let cpus: Set<Int>?
  /// Processor seconds a second, nil when there is no quota.
  public let quota: Double?

  /// A limit made of its parts.
  public init(cpus: Set<Int>?, quota: Double?) { (self.cpus, self.quota) = (cpus, quota) }

  /// The limit of this process: the tightest on the way from its group up to the root.
  public static func current() -> CPULimit {
    let line = kernelText("/proc/self/cgroup")?.split(separator: "\n").first { $0.hasPrefix("0::") }
    var path = line.map { String($0.dropFirst(3)) } ?? "/"
    var cpus: Set<Int>?
    var quota: Double?
    while true {
      let directory = "/sys/fs/cgroup" + (path == "/" ? "" : path)
      if cpus == nil, let list = kernelText(directory + "/cpuset.cpus.effective").map(cpuList), !list.isEmpty {
        cpus = Set(list)
      }
      if let own = kernelText(directory + "/cpu.max").flatMap(quotaOfCPUMax) { quota = min(quota ?? own, own) }
      guard path != "/", let slash = path.lastIndex(of: "/") else { break }
      path = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    return CPULimit(cpus: cpus, quota: quota)
  }
}

/// The quota in a `cpu.max` file, "microseconds period", or nil for "max period".
func quotaOfCPUMax(_ text: String) -> Double? {
  let numbers = text.split(whereSeparator: \.isWhitespace).map { Double($0) }
  guard numbers.count == 2, let time = numbers[0], let period = numbers[1], period > 0 else { return nil }
  return time / period
}

/// The name of this machine's CPU model, as the kernel prints it.
public func cpuModel() -> String {
  let line = kernelText("/proc/cpuinfo")?.split(separator: "\n").first { $0.hasPrefix("model name") }
  guard let line, let colon = line.firstIndex(of: ":") else { return "unknown" }
  return line[line.index(after: colon)...].split(separator: " ").joined(separator: " ")
}

import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// Oracle: a run that nobody disturbs ends with 0.
@Suite(.serialized) struct ForgedDatagramTests {
  /// The addresses that the UDP sockets of a process are bound to, as `/proc` writes them: `0100007F:PORT` is the loopback's.
  private static func datagramSockets(of process: pid_t) -> [String] {
    let folder = "/proc/\(process)/fd"
    let links = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
    }
    let table = (try? String(contentsOfFile: "/proc/\(process)/net/udp", encoding: .utf8)) ?? ""
    return table.split(separator: "\n").dropFirst().compactMap { line in
      let fields = line.split(separator: " ")
      return fields.count > 9 && links.contains("socket:[\(fields[9])]") ? String(fields[1]) : nil
    }
  }

  /// Sends datagrams to a port of this host.
  private static func send(_ datagrams: [[UInt8]], toPort port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    (address.sin_port, address.sin_addr.s_addr) = (port.bigEndian, UInt32(0x7f00_0001).bigEndian)
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
        for bytes in datagrams {
          sendto(descriptor, bytes, bytes.count, 0, target, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
  }

  @Test("ranks of one host listen on the loopback alone, and what neighbours send there ends nothing")
  func forgedDatagrams() throws {
    let space = try Workspace()
    let directory = space.folder.file("run")
    let found = Mutex<[String]>([])
    // As an earlier version, which put its secret into every datagram, took them; as this one seals them; and noise.
    let contents = [
      #"{"token":"1-2","sender":7777777,"content":{"verdict":{"_0":"forged"}}}"#,
      #"{"sender":0,"receiver":1,"number":99999,"content":{"verdict":{"_0":"forged"}}}"#,
      #"{"sender":1,"receiver":0,"number":99999,"content":{"verdict":{"_0":"forged"}}}"#,
      #"{"sender":1,"receiver":0,"number":99999,"content":{"goodbye":{}}}"#,
    ].map { Array($0.utf8) }
    let noise = (0..<200).map { length in (0..<length * 7).map { _ in UInt8.random(in: 0...255) } }
    let datagrams = contents + contents.map { [UInt8](repeating: 0, count: 32) + $0 } + noise + [[]]
    when("\(directory)/log.txt", says: "\nstep ") {
      for process in rankProcesses(mentioning: directory).values {
        let sockets = Self.datagramSockets(of: process)
        found.withLock { $0 += sockets }
        for port in sockets.compactMap({ $0.split(separator: ":").last.flatMap { UInt16($0, radix: 16) } }) {
          for _ in 0..<10 { Self.send(datagrams, toPort: port) }
        }
      }
    }
    // Step 2 waits so long that the ranks have read everything before they end.
    let result = try space.program(
      ranks: 2, space.train("--set", "train.length=3 steps", "--inject", "stall:rank=0,step=2,seconds=4"))
    #expect(result.exitCode == 0, "\(result)")
    #expect(!(result.output + result.errorOutput).contains("forged"), "\(result)")
    let sockets = found.withLock { $0 }
    #expect(sockets.count == 2 && sockets.allSatisfy { $0.hasPrefix("0100007F:") }, "\(sockets)")
  }
}

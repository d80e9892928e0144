import Foundation
import TestSupport
import Testing

@testable import Tensors

/// Oracle: what a reader of the pipe gets once it reads.
@Suite struct ConsoleStreamTests {
  /// A pipe that is filled with zeros to its last byte.
  private struct FullPipe {
    let (reading, writing): (Int32, Int32)
    let filling: Int

    init() {
      var ends: [Int32] = [0, 0]
      pipe(&ends)
      (reading, writing) = (ends[0], ends[1])
      filling = fillPipe(writing)
    }
  }

  @Test("texts are out when write returns, in their order")
  func order() {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    let stream = ConsoleStream(ends[1], patienceSeconds: HangLimit.seconds)
    for number in 0..<100 {
      stream.write(Array("\(number)\n".utf8))
      var buffer = [UInt8](repeating: 0, count: 16)
      let count = read(ends[0], &buffer, 16)
      #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "\(number)\n")
    }
    close(ends[0])
    close(ends[1])
  }

  @Test("a pipe that nobody reads stops nobody; what was kept comes later in order, what was dropped is counted")
  func nobodyReads() {
    let pipe = FullPipe()
    let stream = ConsoleStream(pipe.writing, patienceSeconds: 0.01, queueLimit: 300)
    // 10 bytes each: the queue holds 30 of them.
    for number in 100..<200 { stream.write(Array("line  \(number)\n".utf8)) }
    let reader = WorkerThread {
      var buffer = [UInt8](repeating: 0, count: pipe.filling)
      var left = pipe.filling
      while left > 0 { left -= max(0, read(pipe.reading, &buffer, left)) }
    }
    reader.join()
    stream.flush()
    stream.write(Array("after\n".utf8))
    stream.flush()
    close(pipe.writing)
    let text = String(
      decoding: FileHandle(fileDescriptor: pipe.reading, closeOnDealloc: true).readDataToEndOfFile(), as: UTF8.self)
    let kept = (100..<130).map { "line  \($0)\n" }.joined()
    #expect(text == kept + "[70 lines are not shown, since nobody was reading]\nafter\n")
  }

  @Test("the end does not wait for a reader who never comes")
  func flushEnds() {
    let pipe = FullPipe()
    let stream = ConsoleStream(pipe.writing, patienceSeconds: 0.01)
    stream.write(Array("never\n".utf8))
    let start = monotonicSeconds()
    stream.flush()
    #expect(monotonicSeconds() - start < HangLimit.seconds)
    close(pipe.reading)
    // The thread's write ends with its reader.
    close(pipe.writing)
  }

  @Test("a descriptor that somebody has made nonblocking loses nothing")
  func nonblocking() {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    let flags = fcntl(ends[1], F_GETFL)
    _ = fcntl(ends[1], F_SETFL, flags | O_NONBLOCK)
    let stream = ConsoleStream(ends[1], patienceSeconds: 0.01)
    let text = [UInt8](repeating: UInt8(ascii: "x"), count: 500_000)
    stream.write(text)
    var (buffer, got) = ([UInt8](repeating: 0, count: 65536), 0)
    while got < text.count { got += max(0, read(ends[0], &buffer, buffer.count)) }
    #expect(got == text.count)
    stream.flush()
    close(ends[0])
    close(ends[1])
  }
}

import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Files beside the tests, and the shared real data where the machine has it.
enum Fixtures {
  static let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Goldens")

  static func golden<Content: Decodable>(_ name: String, as type: Content.Type) throws -> Content {
    try JSONDecoder().decode(type, from: Data(contentsOf: goldens.appendingPathComponent(name)))
  }

  /// The data folder of `$DROPBLOCK_SHARED`, or of `shared` beside the package.
  static let sharedData: String? = {
    let beside = goldens.appendingPathComponent("../../../shared").standardizedFileURL.path
    let root = ProcessInfo.processInfo.environment["DROPBLOCK_SHARED"] ?? beside
    return FileManager.default.fileExists(atPath: root + "/data/coco-mini") ? root + "/data" : nil
  }()

  /// Runs `body` with an empty directory that is removed afterwards.
  static func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try TemporaryDirectory("datasets")
    return try withExtendedLifetime(folder) { try body(folder.path) }
  }

  /// A picture with smooth and sharp parts, different in every channel.
  static func picture(width: Int, height: Int) -> RGBImage {
    var image = RGBImage(width: width, height: height)
    for y in 0..<height {
      for x in 0..<width {
        let pixel = (y * width + x) * 3
        image.pixels[pixel] = UInt8(x * 255 / max(width - 1, 1))
        image.pixels[pixel + 1] = UInt8(y * 255 / max(height - 1, 1))
        image.pixels[pixel + 2] = (x / 4 + y / 4) % 2 == 0 ? 40 : 200
      }
    }
    return image
  }
}

/// The bytes of a base64 text as elements.
func elements<Element>(_ base64: String, as type: Element.Type) -> [Element] {
  let data = Data(base64Encoded: base64) ?? Data()
  return data.withUnsafeBytes { bytes in
    (0..<bytes.count / MemoryLayout<Element>.size).map {
      bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: Element.self)
    }
  }
}

/// Seconds of this thread on a processor.
func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

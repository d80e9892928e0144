import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Oracle: the documented limit of 100 million pixels.
@Suite struct ImageSizeLimitTests {
  /// A JPEG file that states a size of its own, with so many bytes behind its end.
  private func jpeg(side: Int, padding: Int) throws -> [UInt8] {
    var file = Fixtures.picture(width: 16, height: 16).jpegFile()
    let frame = try #require(file.indices.dropLast().first { file[$0] == 0xff && file[$0 + 1] == 0xc0 })
    for place in [5, 7] {
      file.replaceSubrange(frame + place..<frame + place + 2, with: [UInt8(side >> 8), UInt8(side & 255)])
    }
    return file + [UInt8](repeating: 0, count: padding)
  }

  @Test("a file of more pixels than the limit is error 65 by its header, whichever kind it is")
  func limit() throws {
    try Fixtures.withTemporaryDirectory { directory in
      let path = "\(directory)/a"
      for file in [hugePNGFile(side: 10001), try jpeg(side: 10001, padding: 200_000)] {
        try writeFile(file, to: path)
        for read in [{ _ = try ImageReader().open(FilePath(path)) }, { try ImageReader().read(path) }]
          as [() throws -> Void]
        {
          let error = thrown(InputError.self, by: read)
          #expect(error?.exitCode == .badData)
          #expect(
            error?.description
              == "\(path): header: expected at most 100000000 pixels, got 10001x10001; cut or shrink the image")
        }
      }
      for file in [hugePNGFile(side: 10000), try jpeg(side: 10000, padding: 200_000)] {
        try writeFile(file, to: path)
        #expect(try ImageReader().open(FilePath(path)) == (10000, 10000))
      }
    }
  }
}

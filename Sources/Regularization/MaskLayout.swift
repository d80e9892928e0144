import Tensors

/// Where the bits of a mask lie: in the linear order of the blocked tensor nChw16c or nChw8c that it belongs to.
///
/// Bit i is 1 where element i of the tensor is kept; it is bit i % 16 of word i / 16. With 16 channels a block a word
/// is a pixel, with 8 a byte is. The bits of padded channels, and those behind the last element, are 0.
public struct MaskLayout: Hashable, Sendable {
  /// The shape of the tensor (N, C, H, W), without padded channels.
  public let shape: Shape
  /// Channels in a block, 8 or 16.
  public let channelBlock: Int

  /// The layout for a tensor's shape and its channel block.
  public init(shape: Shape, channelBlock: Int) {
    require(channelBlock == 8 || channelBlock == 16, "masks have 8 or 16 channels a block, not \(channelBlock)")
    (self.shape, self.channelBlock) = (shape, channelBlock)
  }

  /// Blocks of channels of a sample, the last one padded where needed.
  public var channelBlocks: Int { (shape.c + channelBlock - 1) / channelBlock }

  /// Elements of the blocked tensor, padded channels included: the number of bits that mean something.
  public var bitCount: Int { shape.n * channelBlocks * shape.area * channelBlock }

  /// 16-bit words of the mask.
  public var wordCount: Int { (bitCount + 15) / 16 }

  /// The bit of element (n, c, y, x).
  public func bit(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Int {
    let pixel = (n * channelBlocks + c / channelBlock) * shape.area + y * shape.w + x
    return pixel * channelBlock + c % channelBlock
  }

  /// The mask as one number an element in the plain order (N, C, H, W): 1 is kept, 0 is dropped.
  ///
  /// For audits and tests; nothing in a training step needs it.
  public func unpack(_ words: UnsafeBufferPointer<UInt16>) -> [UInt8] {
    require(words.count >= wordCount, "a mask of \(shape) has \(wordCount) words, not \(words.count)")
    var elements: [UInt8] = []
    elements.reserveCapacity(shape.count)
    for n in 0..<shape.n {
      for c in 0..<shape.c {
        let first = bit(n, c, 0, 0)
        for pixel in 0..<shape.area {
          let index = first + pixel * channelBlock
          elements.append(UInt8(truncatingIfNeeded: words[index >> 4] >> UInt16(index & 15)) & 1)
        }
      }
    }
    return elements
  }
}

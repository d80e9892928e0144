import Tensors

/// Small pictures of one size in memory, each with its class.
public struct LabeledImages: Equatable, Sendable {
  /// Planes of a picture: 1 for grey, 3 for red, green and blue.
  public let channels: Int
  /// Rows of a picture.
  public let height: Int
  /// Columns of a picture.
  public let width: Int
  /// The pictures as (N, C, H, W).
  public internal(set) var pixels: [UInt8]
  /// The class of each picture, from 0.
  public internal(set) var labels: [UInt8]

  /// The number of pictures.
  public var count: Int { labels.count }

  /// The bytes of one picture.
  public var imageBytes: Int { channels * height * width }

  /// One picture as (C, H, W).
  public func image(at index: Int) -> ArraySlice<UInt8> {
    pixels[index * imageBytes..<(index + 1) * imageBytes]
  }
}

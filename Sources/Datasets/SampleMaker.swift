import Tensors

/// A picture of a training batch with what is known about it.
public protocol LoadedSample: Sendable {
  /// What messages call the picture: its identifier in the data set.
  var imageID: Int { get }
}

/// Where training samples come from: pictures in an order, and what becomes of each.
public protocol SampleMaker: Sendable {
  /// What a batch knows about each of its pictures.
  associatedtype Sample: LoadedSample
  /// The decoder and the buffers of one thread.
  associatedtype Reader

  /// What messages call the data set, such as its folder.
  var name: String { get }
  /// The order of the pictures.
  var sampler: Sampler { get }
  /// Planes of every sample.
  var channels: Int { get }
  /// Rows and columns of every sample; traps where pictures keep sizes of their own.
  var canvas: (height: Int, width: Int) { get }

  /// A reader for one thread.
  func makeReader() -> Reader

  /// Writes the sample of one picture as planes (channels, height, width), normalised.
  ///
  /// A pure function of picture and epoch. Returns the faults that it passed over, such as boxes without area. Throws exit
  /// code 65 for a picture that cannot be used; other errors end the training.
  func make(
    _ imageIndex: Int, epoch: Int, reader: Reader, into output: UnsafeMutableBufferPointer<Float>
  ) throws -> (sample: Sample, faults: [DataFault])
}

extension SampleMaker {
  /// Writes the sample at a position of an epoch and returns it with the faults on the way.
  ///
  /// An unreadable picture is a fault, and the next position's takes its place. Throws exit code 65 when no picture can be
  /// read, and what `make` throws otherwise.
  public func load(
    epoch: Int, position: Int, reader: Reader, into output: UnsafeMutableBufferPointer<Float>
  ) throws -> (sample: Sample, faults: [DataFault]) {
    var faults: [DataFault] = []
    for shift in 0..<sampler.imageCount {
      let number = sampler.imageIndex(epoch: epoch, position: (position + shift) % sampler.imageCount)
      do {
        let (sample, passedOver) = try make(number, epoch: epoch, reader: reader, into: output)
        return (sample, faults + passedOver)
      } catch let error as InputError where error.exitCode == .badData {
        faults.append(DataFault(kind: .unreadableImage, cause: "\(error)"))
      }
    }
    throw InputError(
      .badData,
      "\(name): none of the \(sampler.imageCount) images can be read; the first failure: \(faults.first?.cause ?? "")")
  }
}

extension Sampler {
  /// The random numbers of one picture in one epoch, for a purpose.
  func random(_ purpose: RandomPurpose, epoch: Int, imageIndex: Int) -> RandomSequence {
    RandomSequence(
      Philox(seed: seed, stream: RandomPurpose.stream), UInt32(truncatingIfNeeded: epoch), UInt32(imageIndex),
      purpose.rawValue)
  }
}

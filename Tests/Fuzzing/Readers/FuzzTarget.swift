/// A reader of files from outside that is fuzzed, by the name of its corpus.
enum FuzzTarget: String, CaseIterable, Sendable {
  /// Safetensors files.
  case safetensors
  /// `state.json` of a checkpoint set.
  case state
  /// Annotation files in COCO's format, and their index.
  case coco
  /// COCO results files.
  case results
  /// CIFAR and IDX files.
  case labeled
  /// JPEG files, and what becomes of their pixels.
  case jpeg
  /// PNG files, and what becomes of their pixels.
  case png
  /// YAML configurations.
  case configuration

  /// Gives one input to the reader, which must take it or throw an error for the user.
  ///
  /// Traps when it does anything else, or takes what cannot be right. One thread at a time may read.
  func read(_ bytes: UnsafeRawBufferPointer) {
    switch self {
    case .safetensors: readSafetensors(bytes)
    case .state: readState(bytes)
    case .coco: readCOCO(bytes)
    case .results: readResults(bytes)
    case .labeled: readLabeledImages(bytes)
    case .jpeg: readJPEG(bytes)
    case .png: readPNG(bytes)
    case .configuration: readConfiguration(bytes)
    }
  }
}

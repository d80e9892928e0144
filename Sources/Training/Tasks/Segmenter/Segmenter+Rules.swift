extension Configuration {
  /// What only segmentations ask of a configuration: the network is the official code's, which only the paper's form has, and a
  /// mask has numbers for 255 classes.
  ///
  /// - Throws: `ConfigurationError.impossible`.
  func checkSegmenter() throws {
    if model.form != .paper {
      throw impossible("model.form", "expected paper with model.name segmentation; got \(model.form.rawValue)")
    }
    if model.classes > 255 {
      throw impossible("model.classes", "expected at most 255 with model.name segmentation; got \(model.classes)")
    }
    for (key, size) in [("input.size", input.size), ("input.evaluation.size", input.evaluation.size ?? input.size)]
    where min(size.height, size.width) < 32 {
      throw impossible(key, "expected at least 32 pixels with model.name segmentation; got \(size.yaml)")
    }
  }
}

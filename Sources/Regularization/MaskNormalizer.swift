/// The factor that gives a masked tensor its expected size back: elements / kept elements, or 0 when nothing is kept.
///
/// Both counts are of the whole local tensor (samples, channels and pixels together), as in the official code; summed
/// over ranks first they give the global normaliser. The official code divides by zero where nothing is kept; here the
/// output is then zero.
public func maskNormalizer(elements: Int, kept: Int) -> Float {
  kept == 0 ? 0 : Float(Double(elements) / Double(kept))
}

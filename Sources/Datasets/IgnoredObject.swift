/// An annotated object that training does not learn from.
public struct IgnoredObject: Equatable, Sendable {
  /// The corners (x1, y1, x2, y2) in pixels of the picture that the annotations are of.
  public let corners: SIMD4<Float>
  /// Its class, in the model's numbering.
  public let classNumber: Int
  /// Why it is left out, in a word or two.
  public let reason: String
}

extension DetectionDataset {
  /// The objects of a picture that `objects(at:)` leaves out, in file order: crowds, and boxes without area or outside the
  /// picture.
  public func ignoredObjects(at position: Int) -> [IgnoredObject] {
    let image = index.image(at: position)
    return index.annotations(at: position).compactMap { annotation in
      guard let number = classNumber(ofCategory: annotation.categoryID) else { return nil }
      let reason: String
      switch annotation.fault(in: image) {
      case _ where annotation.isCrowd: reason = "crowd"
      case .zeroSizeBox: reason = "no area"
      case .outsideBox: reason = "outside"
      case .unreadableImage, nil: return nil
      }
      return IgnoredObject(corners: annotation.corners, classNumber: number, reason: reason)
    }
  }
}

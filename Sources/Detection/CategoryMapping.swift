import Tensors

/// The correspondence of a data set's category ids with the classes 0..<K of the network.
public struct CategoryMapping: Sendable {
  /// The number of classes, K.
  public let classCount: Int
  private let classOfCategory: [Int: Int]
  private let categoryOfClass: [Int?]

  /// Numbers the categories as a form does.
  ///
  /// - Paper: by ascending id; or, where `classCount` says more classes than there are categories, by id - 1: 90 for
  ///   COCO, whose 80 ids end at 90, as in the official code.
  /// - torchvision: by id itself, with a class 0 that nothing uses; without `classCount`, one more than the largest
  ///   id: 91 for COCO.
  ///
  /// Throws, naming the id, where an id has no place in `classCount` classes.
  public init(form: DetectorForm, categoryIDs: [Int], classCount: Int? = nil) throws {
    let ids = Set(categoryIDs).sorted()
    let pairs: [(id: Int, index: Int)]
    switch form {
    case .paper:
      self.classCount = classCount ?? ids.count
      let isByRank = self.classCount == ids.count
      pairs = ids.enumerated().map { ($1, isByRank ? $0 : $1 - 1) }
    case .torchvision:
      self.classCount = classCount ?? (ids.last ?? 0) + 1
      pairs = ids.map { ($0, $0) }
    }
    var categoryOfClass = [Int?](repeating: nil, count: max(self.classCount, 0))
    for (id, index) in pairs {
      guard categoryOfClass.indices.contains(index) else {
        throw InputError(
          .badConfiguration,
          "model.classes: category id \(id) becomes class \(index) in the \(form.rawValue) form, but there are "
            + "\(self.classCount) classes (0 to \(self.classCount - 1)); raise model.classes or leave it out")
      }
      categoryOfClass[index] = id
    }
    self.categoryOfClass = categoryOfClass
    classOfCategory = Dictionary(uniqueKeysWithValues: pairs.map { ($0.id, $0.index) })
  }

  /// The class of a category id, nil for an id that the data set does not have.
  public func classIndex(ofCategory id: Int) -> Int? { classOfCategory[id] }

  /// The category id of a class, nil for a class that no category uses.
  public func categoryID(ofClass index: Int) -> Int? {
    categoryOfClass.indices.contains(index) ? categoryOfClass[index] : nil
  }
}

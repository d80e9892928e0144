import Tensors

/// Average precision of bounding boxes by COCO's protocol, with the figures of pycocotools 2.0.11.
///
/// Ground truth is grouped once; every call of `evaluate` scores one set of results. Under MPI the ranks' results are
/// gathered and evaluated in one place: their order among equal scores decides, as in a results file.
public struct COCOEvaluator: Sendable {
  /// The category ids, ascending.
  public let categoryIDs: [Int]
  private let imageNumbers: [Int: Int]
  private let categoryNumbers: [Int: Int]
  private let groundTruth: [COCOGroundTruth]
  private let groups: COCOGrouping

  /// The evaluation of the images and categories that a file lists.
  ///
  /// Objects of other images or categories are left out.
  public init(imageIDs: [Int], categoryIDs: [Int], groundTruth: [COCOGroundTruth]) {
    self.categoryIDs = Set(categoryIDs).sorted()
    let images = Self.numbers(Set(imageIDs).sorted())
    let categories = Self.numbers(self.categoryIDs)
    groups = COCOGrouping(
      count: groundTruth.count, imageCount: images.count, categoryCount: categories.count
    ) { index in
      guard let image = images[groundTruth[index].imageID], let category = categories[groundTruth[index].categoryID]
      else { return nil }
      return (category, image)
    }
    imageNumbers = images
    categoryNumbers = categories
    self.groundTruth = groundTruth
  }

  /// Scores a set of results on all threads of the pool; call it from the thread that owns the pool.
  ///
  /// Of an image and category the 100 best count; equal scores keep the order of the list. Results of unknown
  /// categories are left out. Throws exit code 65, with their number and an example, for results of unknown images.
  public func evaluate(_ results: [COCOResult]) throws -> COCOMetrics {
    if let first = results.firstIndex(where: { imageNumbers[$0.imageID] == nil }) {
      let count = results.count { imageNumbers[$0.imageID] == nil }
      throw InputError(
        .badData,
        "\(count) of \(results.count) results are of images that are not among the \(imageNumbers.count) of the "
          + "annotations, such as result \(first) of image id \(results[first].imageID); score the results against the "
          + "annotations that they were made for")
    }
    let resultGroups = COCOGrouping(
      count: results.count, imageCount: imageNumbers.count, categoryCount: categoryIDs.count
    ) { index in
      guard let image = imageNumbers[results[index].imageID] else { return nil }
      return categoryNumbers[results[index].categoryID].map { ($0, image) }
    }
    var categories = [COCOCategoryCurves?](repeating: nil, count: categoryIDs.count)
    categories.withUnsafeMutableBufferPointer { categories in
      nonisolated(unsafe) let categories = categories
      // One category a turn: threads write different elements.
      parallel(categories.count) { number in
        categories[number] = evaluate(category: number, results, resultGroups)
      }
    }
    return COCOMetrics(categories: categories.compactMap { $0 }, categoryIDs: categoryIDs)
  }

  /// The categories of results that are not among the annotations' categories, ascending, with the number of each.
  public func unknownCategories(of results: [COCOResult]) -> [(id: Int, count: Int)] {
    var counts: [Int: Int] = [:]
    for result in results where categoryNumbers[result.categoryID] == nil { counts[result.categoryID, default: 0] += 1 }
    return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private static func numbers(_ ids: [Int]) -> [Int: Int] {
    Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
  }

  /// Matches and ranks the detections of one category.
  private func evaluate(
    category: Int, _ results: [COCOResult], _ resultGroups: COCOGrouping
  ) -> COCOCategoryCurves {
    let range = groups.range(ofCategory: category)
    var objectCounts = SIMD4<Int>()
    for place in range {
      let object = COCOObject(groundTruth[Int(groups.order[place])])
      for area in 0..<4 where !object.isIgnored(in: area) { objectCounts[area] += 1 }
    }
    let ranking = COCORanking(results, resultGroups, category: category)
    var outcomes = [COCOOutcome](repeating: COCOOutcome(), count: ranking.results.count)
    // Detections and objects are both sorted by image: walk them together.
    var next = range.lowerBound
    var objects: [COCOObject] = []
    for group in ranking.groups {
      while next < range.upperBound && groups.images[next] < group.image { next += 1 }
      objects.removeAll(keepingCapacity: true)
      while next < range.upperBound && groups.images[next] == group.image {
        objects.append(COCOObject(groundTruth[Int(groups.order[next])]))
        next += 1
      }
      let members = ranking.members[group.members]
      match(members.lazy.map { results[Int(ranking.results[Int($0)])].box }, objects) { index, outcome in
        outcomes[Int(members[members.startIndex + index])] = outcome
      }
    }
    return COCOCategoryCurves(objectCounts: objectCounts, outcomes: outcomes, ranks: ranking.ranks)
  }
}

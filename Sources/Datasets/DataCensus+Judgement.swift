import Tensors

extension DataCensus {
  /// Throws exit code 65 where the images cannot be used for what their split is for; see the two below.
  public func requireUsable(maximumFaults: Int) throws {
    try requireUsableMasks()
    switch split {
    case .train: try requireLearnable(maximumFaults: maximumFaults)
    case .validation: try requireEvaluable()
    }
  }

  /// Throws exit code 65 where training would learn nothing, or lose more than `maximumFaults` boxes or half of what there is.
  public func requireLearnable(maximumFaults: Int) throws {
    try requirePixels()
    if let loss = lossOfImages { throw InputError(.badData, loss) }
    if let objects {
      let counts = "\(name): \(objects.count) objects in \(images) images, \(objects.used) of them usable"
      if objects.count == 0 {
        throw InputError(
          .badData,
          "\(name): expected objects to learn from, got \(images) images without any; is it the right file?")
      }
      let dropped = objects.unusedText
      if objects.used == 0 {
        throw InputError(
          .badData, "\(counts): there is nothing to learn from (\(dropped)); mend the annotations\(likelyCauseText)")
      }
      if objects.faults > objects.used {
        throw InputError(
          .badData, "\(counts): more than half would be dropped (\(dropped)); mend the annotations\(likelyCauseText)")
      }
      if objects.faults > maximumFaults {
        throw InputError(
          .badData,
          "\(name): \(objects.faults) boxes cannot be learned from (\(objects.faultsText)), data.max_faults allows \(maximumFaults); "
            + "mend the data or raise the limit")
      }
    }
  }

  /// Throws exit code 65 for annotations that evaluation cannot compare with: boxes without area, which it cannot leave out,
  /// and such in relative coordinates.
  public func requireEvaluable() throws {
    try requirePixels()
    if let first = objects?.withoutArea.first {
      throw InputError(.badData, "\(name): \(first); mend or remove the annotation")
    }
    if let loss = lossOfImages { throw InputError(.badData, loss) }
  }

  /// Throws exit code 65 where a file that was looked for or into cannot be had: evaluation leaves nothing out, and would end
  /// at that file, in a training run hours later.
  public func requireFiles() throws {
    guard let first = files.missing.first ?? files.unreadable.first else { return }
    throw InputError(.badData, "\(name): \(first); \(filesRemedy)")
  }

  /// What to do about files that evaluation does not find or cannot read.
  public var filesRemedy: String {
    let advice = files.advice.map { "; \($0)" } ?? ""
    return "evaluation leaves nothing out: supply sound files, or take their images out of the data\(advice)"
  }

  /// What is wrong where more than half of the images that were looked for or into cannot be had, which no limit on faults
  /// bears; nil else.
  public var lossOfImages: String? {
    func share(_ part: Int, of whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
    let (missing, unreadable) = (files.missing, files.unreadable)
    let lookedFor = files.isEachLookedFor ? images : files.sampled
    let missingShare = share(missing.count, of: lookedFor)
    if missingShare > 0.5 {
      return "\(name): \(missing.count) of \(lookedFor) images are not in \(folder ?? "") (\(missing.first ?? "")); "
        + (files.advice ?? "")
    }
    // Where each was looked for, the sample is of those that are there.
    let unreadableShare =
      share(unreadable.count, of: files.sampled) * (files.isEachLookedFor ? 1 - missingShare : 1)
    if missingShare + unreadableShare > 0.5 {
      return "\(name): \(unreadable.count) of \(files.sampled) images that were looked into cannot be used "
        + "(\(unreadable.first ?? "")), \(missing.count) of \(lookedFor) are missing; mend them"
    }
    return nil
  }

  private func requirePixels() throws {
    guard let objects, objects.isRelative else { return }
    throw InputError(
      .badData,
      "\(name): \"bbox\": expected [x, y, width, height] in pixels, got \(objects.withinOne.count) of \(objects.withArea) "
        + "boxes within 0 to 1 (\(objects.withinOne.first ?? "")); they look relative to the images' sizes: multiply them by "
        + "width and height")
  }

  private var likelyCauseText: String { warnings.isEmpty ? "" : "; \(warnings.joined(separator: "; "))" }

  /// Finds what looks wrong.
  mutating func findWarnings(rule: OrientationRule) {
    if let objects { warnings += objects.warnings }
    if let masks { warnings += masks.warnings }
    if split == .validation && objects?.count == 0 { warnings.append("no objects: every figure will be -1") }
    if split == .validation, let objects, objects.outsideImage.count > 0 {
      warnings.append(
        "\(objects.outsideImage.count) boxes lie outside their images, where nothing can find them (first: "
          + "\(objects.outsideImage.first ?? ""))")
    }
    if translatedNames.count > 0 {
      warnings.append(
        "\(translatedNames.count) names have backslashes, which are taken for slashes (\(translatedNames.first ?? ""))")
    }
    if outsideNames.count > 0 {
      warnings.append(
        "\(outsideNames.count) names lead out of the folder of the images, \(folder ?? "") (first: "
          + "\(outsideNames.first ?? ""))")
    }
    let stored = files.oriented.count - files.turned
    if rule == .auto && stored > 0 {
      let reason = objects == nil ? "" : ", which is the size that their annotations state"
      warnings.append(
        "\(stored) of \(files.sampled) images that were looked into state an EXIF orientation and are taken as stored"
          + "\(reason) (first: \(files.oriented.first ?? "")): say data.orientation=apply, which turns them as viewers do, or "
          + "data.orientation=ignore")
    }
  }
}

extension ObjectCensus {
  /// What cannot be learned from and why, with the first of each kind; empty where all can.
  var unusedText: String {
    let missing = ofMissingImages ?? 0
    return [missing == 0 ? "" : "\(missing) of missing images", crowds == 0 ? "" : "\(crowds) crowds", faultsText]
      .filter { !$0.isEmpty }.joined(separator: ", ")
  }

  /// The same without crowds, which are no faults.
  var faultsText: String {
    [(withoutArea, "without area"), (outsideImage, "outside their images")].filter { $0.0.count > 0 }
      .map { "\($0.0.count) \($0.1): \($0.0.first ?? "")" }.joined(separator: ", ")
  }

  /// Shares that look wrong, with the likely cause.
  var warnings: [String] {
    var result: [String] = []
    func isLarge(_ part: Int, of whole: Int) -> Bool { part > 0 && Double(part) > Self.suspiciousShare * Double(whole) }
    func isLikely(_ part: Int) -> Bool { Double(part) >= Self.likelyShare * Double(withArea) }
    let otherReading: String? =
      if isLikely(asCorners) {
        "they look like two corners [x1, y1, x2, y2]: subtract the first from the second"
      } else if isLikely(asCentres) {
        "they look like [centre x, centre y, width, height]: subtract half of width and height"
      } else {
        nil
      }
    // Where all boxes fit another reading, few that do not fit the right one tell.
    let beyond = otherReading == nil ? beyondEdges.count : 4 * beyondEdges.count
    if isLarge(beyond, of: withArea) {
      let cause = otherReading ?? "were they drawn on images of another size?"
      result.append(
        "\(beyondEdges.count) of \(withArea) boxes reach beyond their images (first: \(beyondEdges.first ?? "")), where "
          + "[x, y, width, height] is expected; \(cause)")
    } else if isLarge(outsideImage.count, of: withArea) {
      result.append("\(outsideImage.count) of \(withArea) boxes lie outside their images")
    }
    if isLarge(withoutArea.count, of: withArea + withoutArea.count) {
      result.append("\(withoutArea.count) of \(withArea + withoutArea.count) boxes have no area")
    }
    if isLarge(withinOne.count, of: withArea) {
      // Where nearly all are, it is an error of its own.
      if !isRelative {
        result.append(
          "\(withinOne.count) of \(withArea) boxes are within 0 to 1 (first: \(withinOne.first ?? "")): some look relative to "
            + "the images' sizes, where pixels are expected")
      }
    } else if isLarge(belowPixel.count, of: withArea) {
      let cause =
        2 * withinPixel > belowPixel.count
        ? "width and height look relative to the images' sizes: multiply them by these"
        : "they look like what rounding or cutting has left: mend or remove them"
      result.append(
        "\(belowPixel.count) of \(withArea) boxes are narrower or lower than a pixel (first: \(belowPixel.first ?? "")); "
          + cause)
    }
    if withinHundred == withArea && withArea >= Self.enoughForPercentages && !isRelative {
      result.append(
        "all \(withArea) boxes lie in the upper left 100x100 pixels of larger images: are they percentages, where pixels are "
          + "expected?")
    }
    return result
  }
}

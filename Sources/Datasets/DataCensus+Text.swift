import Tensors

extension DataCensus {
  /// Classes that are all named; of more only the extremes are.
  private static let namedClasses = 12

  private var kind: String { split == .train ? "training" : "validation" }

  /// Everything, as a paragraph of aligned lines.
  public var text: String {
    var rows = [("images", imagesText)]
    if let objects { rows.append(("objects", text(of: objects))) }
    if let masks { rows.append(("masks", masks.text)) }
    rows.append(("classes", classesText + (masks.map { " of \($0.sampled) masks" } ?? "")))
    if folder != nil {
      rows.append(("orientation", orientationText))
      let files = filesText
      if !files.isEmpty { rows.append(("files", files)) }
    }
    // Masks that were not looked into may show the others.
    let areComplete = masks.map { $0.sampled == images } ?? true
    let missing = split == .validation && areComplete ? classes.filter { $0.count == 0 }.map(\.name) : []
    let classesFound =
      missing.isEmpty ? " of \(classes.count) classes" : ExpectedClasses.remark(missing: missing, of: classes.count)
    let title = "\(images) \(kind) images\(classesFound) in \(name)"
    let width = rows.map(\.0.count).max() ?? 0
    // Names of the data are in it, and begin no line.
    return ([shown(title)] + rows.map { "  \($0)\(String(repeating: " ", count: width - $0.count))  \(shown($1))" })
      .joined(separator: "\n")
  }

  /// The numbers that matter most, in a line.
  public var summary: String {
    let counts = classes.map(\.count)
    let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
    var parts =
      if let objects {
        [
          "\(images) images with \(objects.used) objects of \(classes.count) classes, \(objects.imagesWithout) without any"
        ]
      } else if let masks {
        ["\(images) images with masks of \(classes.count) classes, \(masks.text)"]
      } else {
        ["\(images) images of \(classes.count) classes, \(least == most ? "\(least)" : "\(least) to \(most)") of each"]
      }
    if files.decoded > 0 { parts.append("decoded \(files.decoded)") }
    return parts.joined(separator: "; ")
  }

  /// Faults of training data: boxes that are dropped and files that cannot be had.
  public var faults: Int { (objects?.faults ?? 0) + files.missing.count + files.unreadable.count }

  /// The counts of the faults and the first of each kind; empty where there are none.
  public var faultsText: String {
    let kinds = [
      (objects?.withoutArea, "boxes without area"), (objects?.outsideImage, "boxes outside their images"),
      (files.missing, "missing images"), (files.unreadable, "unreadable images in the sample"),
    ].compactMap { tally, kind in tally.map { ($0, kind) } }.filter { $0.0.count > 0 }
    let counts = kinds.map { "\($0.0.count) \($0.1)" }.joined(separator: ", ")
    return kinds.isEmpty ? "" : counts + ": " + kinds.compactMap(\.0.first).joined(separator: "; ")
  }

  private var imagesText: String {
    var parts = ["\(images)"]
    if let objects { parts.append("\(objects.imagesWithout) without objects") }
    if let sizes {
      let sample = objects == nil && folder != nil ? " (\(files.sampled) looked into)" : ""
      parts.append(
        sizes.smallest == sizes.largest
          ? "\(sizes.largest) pixels\(sample)"
          : "\(sizes.smallest) to \(sizes.largest) pixels, median \(sizes.median)\(sample)")
    }
    return parts.joined(separator: ", ")
  }

  private func text(of objects: ObjectCensus) -> String {
    let others = objects.unusedText
    let tiny = objects.belowPixel
    let tinyText = tiny.count == 0 ? "" : "; \(tiny.count) narrower or lower than a pixel: \(tiny.first ?? "")"
    switch split {
    case .train:
      return "\(objects.count), \(objects.used) used" + (others.isEmpty ? "" : "; dropped: \(others)") + tinyText
    // Evaluation leaves nothing out.
    case .validation: return "\(objects.count)" + (others.isEmpty ? "" : "; among them \(others)") + tinyText
    }
  }

  private var classesText: String {
    func list(_ classes: some Sequence<ClassCount>) -> String {
      classes.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
    }
    if classes.count <= Self.namedClasses { return list(classes) }
    let sorted = classes.sorted { $0.count > $1.count }
    let empty = sorted.count { $0.count == 0 }
    return "\(classes.count): \(list(sorted.prefix(3))) the most, \(list(sorted.suffix(3))) the fewest"
      + (empty == 0 ? "" : "; \(empty) without any")
  }

  private var orientationText: String {
    let looked = "\(files.sampled) images looked into"
    guard files.oriented.count > 0 else { return "none of \(looked) states an EXIF orientation" }
    return
      "\(files.oriented.count) of \(looked) state an EXIF orientation, \(files.turned) of them turned (first: "
      + "\(files.oriented.first ?? ""))"
  }

  private var filesText: String {
    let lookedFor = files.isEachLookedFor ? images : files.sampled
    return [
      (files.missing, "of \(lookedFor) missing"), (files.unreadable, "of \(files.sampled) looked into unreadable"),
    ].filter { $0.0.count > 0 }.map { "\($0.0.count) \($0.1) (\($0.0.first ?? ""))" }.joined(separator: ", ")
  }
}

extension DataCensus.Size: CustomStringConvertible {
  /// As width x height.
  public var description: String { "\(width)x\(height)" }
}

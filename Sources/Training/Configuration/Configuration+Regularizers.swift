import Regularization

extension Configuration {
  /// What the sections of the four regularisers have in common, for the one that is on.
  struct RegularizerSettings: Equatable {
    /// The name of its section.
    let section: String
    /// What people call it.
    let title: String
    /// What is dropped as a whole.
    let regularizer: Regularizer
    /// Where.
    let selection: MaskSelection
    /// The groups in the order in which they were stated.
    let groups: [MaskGroup]
    /// At the end of the schedule.
    let keepProbability: Double
    let schedule: DropSchedule
    let isGroupScaled: Bool
    var isDepthScaled = false
    var normalizerIsGlobal = false

    /// The settings in words, for headers.
    var summary: String {
      let block: String =
        switch regularizer {
        case .dropBlock(let dropBlock):
          "block \(dropBlock.blockSize), "
            + (dropBlock.mode == .paper ? "" : "\(dropBlock.mode.rawValue), ")
            + (dropBlock.isCalibrated ? "calibrated, " : "")
        case .dropout, .spatialDropout, .dropPath: ""
        }
      return "\(block)keep \(keepProbability), groups \(groups.yaml)"
    }
  }

  /// The regularisers, on or off; at most one is on in a configuration that was read.
  var allRegularizerSettings: [RegularizerSettings] {
    [
      RegularizerSettings(
        section: "dropblock", title: "DropBlock",
        regularizer: .dropBlock(
          Regularization.DropBlock(
            blockSize: dropBlock.blockSize, mode: dropBlock.mode, isShared: dropBlock.isShared,
            isCalibrated: dropBlock.isCalibrated)),
        selection: MaskSelection(groups: Set(dropBlock.groups), roles: dropBlock.sites.roles),
        groups: dropBlock.groups, keepProbability: dropBlock.keepProbability, schedule: dropBlock.schedule,
        isGroupScaled: dropBlock.isGroupScaled, normalizerIsGlobal: dropBlock.normalizer == .global),
      settings("dropout", "Dropout", .dropout, dropout),
      settings("spatial_dropout", "SpatialDropout", .spatialDropout, spatialDropout),
      RegularizerSettings(
        section: "drop_path", title: "DropPath", regularizer: .dropPath,
        selection: MaskSelection(groups: Set(dropPath.groups), roles: [.branchEnd]), groups: dropPath.groups,
        keepProbability: dropPath.keepProbability, schedule: dropPath.schedule,
        isGroupScaled: dropPath.isGroupScaled, isDepthScaled: dropPath.isDepthScaled),
    ]
  }

  private func settings(
    _ section: String, _ title: String, _ regularizer: Regularizer, _ dropout: Dropout
  ) -> RegularizerSettings {
    RegularizerSettings(
      section: section, title: title, regularizer: regularizer,
      selection: MaskSelection(groups: Set(dropout.groups), roles: dropout.sites.roles), groups: dropout.groups,
      keepProbability: dropout.keepProbability, schedule: dropout.schedule, isGroupScaled: dropout.isGroupScaled)
  }

  /// The regulariser that is on, or nil.
  var regularizerSettings: RegularizerSettings? { allRegularizerSettings.first { !$0.groups.isEmpty } }

  /// What people call the regulariser; DropBlock where all are off.
  var regularizerTitle: String { regularizerSettings?.title ?? "DropBlock" }

  /// The places of the model that the regulariser acts on.
  public var maskSelection: MaskSelection { regularizerSettings?.selection ?? .none }

  /// Leaves DropBlock's default groups out where another regulariser has groups.
  mutating func turnOffUnstatedDropBlock() {
    if allRegularizerSettings.contains(where: { $0.section != "dropblock" && !$0.groups.isEmpty }) {
      dropBlock.groups = []
    }
  }

  /// Gives every regulariser its final rate from the first step on.
  mutating func setConstantDropRates() {
    dropBlock.schedule = .constant
    dropout.schedule = .constant
    spatialDropout.schedule = .constant
    dropPath.schedule = .constant
  }

  /// Groups and modes that contradict each other.
  ///
  /// - Throws: `ConfigurationError.impossible`.
  func checkRegularizers() throws {
    let all = allRegularizerSettings
    for settings in all where settings.selection.groups.count != settings.groups.count {
      throw impossible("\(settings.section).groups", "expected each group once; got \(settings.groups.yaml)")
    }
    let active = all.filter { !$0.groups.isEmpty }
    if let second = active.dropFirst().first {
      let keys = active.map { "\($0.section).groups" }.joined(separator: " and ")
      throw impossible(
        "\(second.section).groups",
        "expected groups for at most one regulariser; got \(keys); set all but one of them to []")
    }
    if dropBlock.isCalibrated && dropBlock.mode != .paper {
      throw impossible(
        "dropblock.calibrated",
        "expected false with dropblock.mode \(dropBlock.mode.rawValue), which has a gamma of its own; got true")
    }
  }

  /// Whether the model has what the regulariser acts on.
  ///
  /// - Parameters:
  ///   - places: all places of the model.
  ///   - sites: those that were selected.
  /// - Throws: `ConfigurationError.impossible` for groups without a place and for maps that a mode of DropBlock fails on.
  func checkMasks(places: [MaskPlace], sites: [MaskSite]) throws {
    guard let settings = regularizerSettings else { return }
    let suitable = places.groups(at: settings.selection.roles)
    if let missing = settings.groups.first(where: { !suitable.contains($0) }) {
      throw impossible(
        "\(settings.section).groups",
        suitable.isEmpty
          ? "model.name \(model.name.rawValue) has no place where \(settings.title) acts; set it to []"
          : "expected groups of model.name \(model.name.rawValue), which has \(suitable.yaml); got \(missing)")
    }
    guard case .dropBlock(let dropBlock) = settings.regularizer else { return }
    for site in sites {
      guard let problem = dropBlock.problem(height: site.shape.h, width: site.shape.w) else { continue }
      throw impossible(
        "\(settings.section).mode",
        "\(problem); got blocks of \(dropBlock.blockSize) on a map of \(site.shape.h)x\(site.shape.w) at \(site.name)")
    }
  }
}

extension [MaskPlace] {
  /// The groups that have a place of one of these roles, ascending.
  func groups(at roles: Set<MaskPlace.Role>) -> [MaskGroup] {
    Set(filter { roles.contains($0.role) }.map(\.group)).sorted()
  }
}

extension Configuration.DropSites {
  /// What lies at these places.
  var roles: Set<MaskPlace.Role> {
    switch self {
    case .convolutions: [.convolution, .branchEnd]
    case .convolutionsAndSkip: [.convolution, .branchEnd, .shortcut]
    }
  }
}

extension DropBlockMode: ConfigurationChoice {}

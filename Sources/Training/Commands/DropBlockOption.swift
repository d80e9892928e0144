import Regularization
import Tensors

/// DropBlock at inference as the command line states it: `keep_prob=0.9,block_size=7[,groups=3+4][,...]`.
public struct DropBlockOption: Equatable, Sendable {
  /// What is the same for every rate and block of a sweep.
  public struct Setting: Equatable, Sendable {
    /// The groups of the model, each once; nil: those of the checkpoint's configuration, or what stands in for them.
    public var groups: [MaskGroup]?
    /// Whether each group before the last drops a quarter of the next one's share, as in the paper's training.
    public var isGroupScaled = false
    /// The seed of the masks.
    public var seed: UInt64 = 1

    /// The default of everything.
    public init() {}

    /// The values of `--groups`, `--group-scaling` and `--seed`; throws 64 for a list of groups that is none.
    public init(groupList: String?, isGroupScaled: Bool, seed: UInt64) throws(InputError) {
      (self.isGroupScaled, self.seed) = (isGroupScaled, seed)
      guard let groupList else { return }
      guard let groups = DropBlockOption.groups(groupList) else {
        throw InputError(.usage, "--groups \(groupList): expected \(DropBlockOption.groupLists), such as 3+4")
      }
      self.groups = groups
    }
  }

  /// The share of a map that is kept, above 0 and at most 1.
  public var keepProbability: Double
  /// Side of a block in pixels of the feature map, from 1; clamped to the map.
  public var blockSize: Int
  /// The rest.
  public var setting = Setting()

  /// A rate and a block size.
  init(keepProbability: Double, blockSize: Int, setting: Setting) {
    (self.keepProbability, self.blockSize, self.setting) = (keepProbability, blockSize, setting)
  }

  /// Reads the value of `--dropblock`.
  ///
  /// Throws 64, with what is expected, for anything else.
  public init(_ text: String) throws(InputError) {
    var values: [String: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard pair.count == 2, Self.names.contains(pair[0]) else {
        throw Self.mistake(text, "there is no \"\(part)\"")
      }
      if values.updateValue(pair[1], forKey: pair[0]) != nil { throw Self.mistake(text, "\(pair[0]) stands twice") }
    }
    func value<Value>(
      _ name: String, _ expected: String, default value: Value? = nil, _ read: (String) -> Value?
    ) throws(InputError) -> Value {
      guard let found = values[name].map(read) ?? value else {
        throw Self.mistake(text, "\(name) is \(expected), got \(values[name] ?? "none")")
      }
      return found
    }
    keepProbability = try value("keep_prob", Self.keepProbabilities, Self.keepProbability)
    blockSize = try value("block_size", Self.blockSizes, Self.blockSize)
    if values["groups"] != nil { setting.groups = try value("groups", Self.groupLists, Self.groups) }
    setting.isGroupScaled = try value("group_scaling", "true or false", default: false, Bool.init)
    setting.seed = try value("seed", "a whole number from 0", default: 1) { UInt64($0) }
  }

  private static let names = ["keep_prob", "block_size", "groups", "group_scaling", "seed"]

  private static func mistake(_ text: String, _ reason: String) -> InputError {
    InputError(
      .usage,
      "--dropblock \(text): \(reason); expected keep_prob=P,block_size=B[,groups=3+4][,group_scaling=true][,seed=N]")
  }

  /// What a keep probability is, in words.
  static let keepProbabilities = "a number above 0 and at most 1"
  /// A keep probability, or nil for other texts.
  static func keepProbability(_ text: String) -> Double? { Double(text).flatMap { $0 > 0 && $0 <= 1 ? $0 : nil } }

  /// What a block size is, in words.
  static let blockSizes = "a whole number from 1 to 4096"
  /// A block size, or nil for other texts.
  static func blockSize(_ text: String) -> Int? { Int(text).flatMap { (1...4096).contains($0) ? $0 : nil } }

  /// What a list of groups is, in words.
  static let groupLists = "one or more whole numbers from 1, or head, with + between them, each once"
  /// The groups of a list, ascending, or nil for other texts.
  static func groups(_ text: String) -> [MaskGroup]? {
    let parts = text.split(separator: "+", omittingEmptySubsequences: false)
    let groups = parts.compactMap { MaskGroup(String($0)) }
    return groups.count == parts.count && Set(groups).count == groups.count ? groups.sorted() : nil
  }
}

extension DropBlockOption.Setting {
  /// The groups of a configuration's network that it means: its own, those of the configuration's DropBlock, or else
  /// groups 3 and 4, the paper's, where the network has them, and all of its groups where it lacks one.
  ///
  /// - Throws: `InputError` with code 78 for groups that the network lacks; `option` is what the message calls them.
  func groups(of configuration: Configuration, option: String) throws(InputError) -> [MaskGroup] {
    let present = configuration.task.bareGraph.maskPlaces.groups(at: configuration.dropBlock.sites.roles)
    let network = "model.name \(configuration.model.name.rawValue)"
    if present.isEmpty {
      throw InputError(
        .badConfiguration, "\(option): expected a network with places for DropBlock; \(network) has none")
    }
    guard let groups else {
      let own = configuration.dropBlock.groups.sorted()
      let usual: [MaskGroup] = [3, 4]
      return own.isEmpty ? (Set(usual).isSubset(of: present) ? usual : present) : own
    }
    if let missing = groups.first(where: { !present.contains($0) }) {
      throw InputError(
        .badConfiguration, "\(option): expected groups of \(network), which has \(present.yaml); got \(missing)")
    }
    return groups
  }
}

extension DropBlockOption {
  /// What acts in the network of a configuration; see `Setting.groups` for where, and for what it throws.
  func resolved(for configuration: Configuration, option: String) throws(InputError) -> InferenceDropBlock {
    let groups = try setting.groups(of: configuration, option: option)
    if keepProbability == 1 { return .off }
    let extent = setting.isGroupScaled ? MaskExtent(configuration.task.bareGraph.maskPlaces) : nil
    return InferenceDropBlock(
      DropBlock(blockSize: blockSize), keepProbabilities: KeepProbabilities(keepProbability, groups: extent?.groups),
      at: MaskSelection(groups: Set(groups), roles: configuration.dropBlock.sites.roles), seed: setting.seed)
  }
}

import Tensors

/// A place in a model where a regulariser may drop elements, as the model describes it.
public struct MaskPlace: Hashable, Sendable {
  /// What lies at a place.
  public enum Role: Hashable, Sendable, CaseIterable {
    /// Inside the branch of a block, behind a convolution, its batch-norm and its activation.
    case convolution
    /// The last output of a branch, before the sum.
    case branchEnd
    /// The other side of the sum: the skip connection, or its projection.
    case shortcut
  }

  /// The group that sets the rate, 1 to 4: in a ResNet 1 for conv2_x, 4 for conv5_x.
  public let group: Int
  /// What lies there.
  public let role: Role
  /// The number of its block over all groups, from 1.
  public let depth: Int

  /// A place of a group in 1...4 and a block from 1.
  public init(group: Int, _ role: Role, depth: Int) {
    require((1...4).contains(group), "groups are 1 to 4, not \(group)")
    require(depth >= 1, "blocks are counted from 1, not \(depth)")
    (self.group, self.role, self.depth) = (group, role, depth)
  }
}

/// How many groups and blocks a model has, for rates that go by their numbers.
public struct MaskExtent: Hashable, Sendable {
  /// The number of the last group, from 1.
  public let groups: Int
  /// The number of the last block, from 1.
  public let blocks: Int

  /// So many groups and blocks.
  public init(groups: Int, blocks: Int) { (self.groups, self.blocks) = (groups, blocks) }

  /// That of a model with these places.
  public init(_ places: [MaskPlace]) {
    groups = places.reduce(1) { max($0, $1.group) }
    blocks = places.reduce(1) { max($0, $1.depth) }
  }
}

/// The places that a regulariser acts on.
public struct MaskSelection: Hashable, Sendable {
  /// The groups, 1 to 4; the paper's best for DropBlock is [3, 4].
  public var groups: Set<Int>
  /// What may lie there.
  public var roles: Set<MaskPlace.Role>

  /// A selection; without groups it is empty.
  public init(groups: Set<Int>, roles: Set<MaskPlace.Role> = Set(MaskPlace.Role.allCases)) {
    (self.groups, self.roles) = (groups, roles)
  }

  /// No place at all.
  public static let none = MaskSelection(groups: [])

  /// Whether a place is one of them.
  public func contains(_ place: MaskPlace) -> Bool { groups.contains(place.group) && roles.contains(place.role) }
}

/// A place that the regulariser of a run acts on: an activation (N, C, H, W) with a mask.
public struct MaskSite: Hashable, Sendable {
  /// The layer number of its random stream: sites are counted from 0 in forward order.
  public let index: Int
  /// The module that it follows, for example "backbone.body.layer3.0.bn1".
  public let name: String
  /// What the model says of it.
  public let place: MaskPlace
  /// The shape of the activation that it masks.
  public let shape: Shape

  /// A site.
  public init(index: Int, name: String, place: MaskPlace, shape: Shape) {
    (self.index, self.name, self.place, self.shape) = (index, name, place, shape)
  }
}

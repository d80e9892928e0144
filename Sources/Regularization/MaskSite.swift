import Tensors

/// A part of a model whose places share a rate.
public enum MaskGroup: Hashable, Comparable, ExpressibleByIntegerLiteral, LosslessStringConvertible, Encodable, Sendable
{
  /// A group of the trunk, 1 to 4: in a ResNet 1 for conv2_x, 4 for conv5_x.
  case trunk(Int)
  /// What stands behind the trunk, such as the fully convolutional head of a segmentation.
  case head

  /// A group of the trunk.
  public init(integerLiteral number: Int) { self = .trunk(number) }

  /// The group that `description` writes so, nil for other texts.
  public init?(_ description: String) {
    if description == "head" {
      self = .head
    } else if let number = Int(description), number >= 1 {
      self = .trunk(number)
    } else {
      return nil
    }
  }

  /// The number, or the word.
  public var description: String {
    switch self {
    case .trunk(let number): "\(number)"
    case .head: "head"
    }
  }

  /// Writes the number, or the word.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .trunk(let number): try container.encode(number)
    case .head: try container.encode("head")
    }
  }
}

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

  /// The group that sets the rate.
  public let group: MaskGroup
  /// What lies there.
  public let role: Role
  /// The number of its block over all groups, from 1.
  public let depth: Int

  /// A place of a group of the trunk in 1...4 and a block from 1.
  public init(group: Int, _ role: Role, depth: Int) {
    require((1...4).contains(group), "groups are 1 to 4, not \(group)")
    self.init(.trunk(group), role, depth: depth)
  }

  /// A place of a group and a block from 1.
  public init(_ group: MaskGroup, _ role: Role, depth: Int) {
    require(depth >= 1, "blocks are counted from 1, not \(depth)")
    (self.group, self.role, self.depth) = (group, role, depth)
  }
}

/// How many groups and blocks a model has, for rates that go by their numbers.
public struct MaskExtent: Hashable, Sendable {
  /// The number of the trunk's last group, from 1.
  public let groups: Int
  /// The number of the last block, from 1.
  public let blocks: Int

  /// So many groups and blocks.
  public init(groups: Int, blocks: Int) { (self.groups, self.blocks) = (groups, blocks) }

  /// That of a model with these places.
  public init(_ places: [MaskPlace]) {
    groups = places.reduce(1) { last, place in
      switch place.group {
      case .trunk(let number): max(last, number)
      case .head: last
      }
    }
    blocks = places.reduce(1) { max($0, $1.depth) }
  }
}

/// The places that a regulariser acts on.
public struct MaskSelection: Hashable, Sendable {
  /// The groups; the paper's best for DropBlock is [3, 4] in a classifier, and the head in a segmentation.
  public var groups: Set<MaskGroup>
  /// What may lie there.
  public var roles: Set<MaskPlace.Role>

  /// A selection; without groups it is empty.
  public init(groups: Set<MaskGroup>, roles: Set<MaskPlace.Role> = Set(MaskPlace.Role.allCases)) {
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

import Foundation
import Tensors
import Testing

@testable import Datasets

struct AutoAugmentTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      let kind: String
      let magnitude: Int
      let isNegative: Bool
      let pixels: Data
    }
    let width: Int
    let height: Int
    let pixels: Data
    let cases: [Case]

    var image: RGBImage {
      var image = RGBImage(width: width, height: height)
      image.pixels = [UInt8](pixels)
      return image
    }
  }

  @Test("every operation at every strength of the policy gives Pillow's pixels")
  func pillow() throws {
    let golden = try Fixtures.golden("autoaugment.json", as: Golden.self)
    var covered: Set<String> = []
    for expected in golden.cases {
      let kind = try #require(AutoAugment.Kind(rawValue: expected.kind))
      var image = golden.image
      AutoAugment.Operation(kind, 1, expected.magnitude).apply(to: &image, isNegative: expected.isNegative)
      let differences = zip(image.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
      #expect(differences.max() == 0, "\(kind) \(expected.magnitude): \(differences.count { $0 > 0 }) values differ")
      covered.insert("\(kind) \(expected.magnitude)")
    }
    let wanted = Set(AutoAugment.policy.joined().map { "\($0.kind) \($0.magnitude)" })
    #expect(wanted.isSubset(of: covered), "\(wanted.subtracting(covered))")
  }

  /// An operation as torchvision writes it: name, probability, and strength where it knows one.
  private struct PolicyEntry: Decodable {
    let name: String
    let probability: Double
    let magnitude: Int?

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      name = try values.decode(String.self)
      probability = try values.decode(Double.self)
      magnitude = try values.decode(Int?.self)
    }
  }

  @Test("the policy is torchvision's, pair by pair")
  func policy() throws {
    let golden = try Fixtures.golden("autoaugment-policy.json", as: [[PolicyEntry]].self)
    #expect(golden.count == 25 && AutoAugment.policy.map(\.count) == golden.map(\.count))
    for (operation, expected) in zip(AutoAugment.policy.joined(), golden.joined()) {
      #expect(operation.kind.rawValue.lowercased() == expected.name.lowercased())
      #expect(operation.probability == expected.probability)
      if let magnitude = expected.magnitude { #expect(operation.magnitude == magnitude, "\(expected.name)") }
    }
  }

  @Test("a picture of one colour, and one of one pixel, survive every operation", arguments: AutoAugment.Kind.allCases)
  func degenerate(kind: AutoAugment.Kind) {
    for (width, height) in [(1, 1), (5, 1), (4, 4)] {
      var image = RGBImage(width: width, height: height, red: 90, green: 90, blue: 90)
      AutoAugment.Operation(kind, 1, 7).apply(to: &image, isNegative: true)
      #expect(image.pixels.count == width * height * 3)
      if [.autoContrast, .equalize, .contrast, .color, .sharpness].contains(kind) {
        #expect(image.pixels.allSatisfy { $0 == 90 })
      }
    }
  }

  @Test("each of the 25 pairs comes as often as any other, and its operations as often as the policy says")
  func frequencies() {
    // Oracle: by hand. A single pixel with a red of 200 ends at 55 where it was inverted, or solarized below 200, and no
    // colour was changed before: pairs 2, 7, 14, 18, 22 and 23 with 0.6, 5 and 21 with 0.2, 17 with 0.2 x 0.8.
    let expected: Double = (6 * 0.6 + 2 * 0.2 + 0.2 * 0.8) / 25
    let draws = 20_000
    let changed = (0..<draws).count { draw -> Bool in
      var random = RandomSequence(Philox(seed: 5, stream: 0), UInt32(draw), 0, 0)
      var image = RGBImage(width: 1, height: 1, red: 200, green: 10, blue: 10)
      AutoAugment.augment(&image, random: &random)
      return image.pixels[0] == 55
    }
    #expect(AutoAugment.policy.count == 25 && AutoAugment.policy.allSatisfy { $0.count == 2 })
    let deviation = (expected * (1 - expected) / Double(draws)).squareRoot()
    let share = Double(changed) / Double(draws)
    #expect(abs(share - expected) < 4 * deviation)
  }
}

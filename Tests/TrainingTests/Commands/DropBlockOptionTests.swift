import Regularization
import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: the values by hand, and the documented exit codes.
@Suite struct DropBlockOptionTests {
  @Test("keys come in any order, and all but two have defaults")
  func reading() throws {
    let plain = try DropBlockOption("keep_prob=0.9,block_size=7")
    #expect(plain.keepProbability == 0.9 && plain.blockSize == 7 && plain.setting == DropBlockOption.Setting())
    #expect(plain.setting.seed == 1 && plain.setting.groups == nil && !plain.setting.isGroupScaled)
    let full = try DropBlockOption("seed=18446744073709551615,groups=4+2,block_size=1,group_scaling=true,keep_prob=1")
    #expect(full.keepProbability == 1 && full.blockSize == 1)
    #expect(full.setting.groups == [2, 4] && full.setting.isGroupScaled && full.setting.seed == .max)
  }

  @Test(
    "a malformed value is one error of code 64 that says what is expected",
    arguments: [
      ("keep_prob=0,block_size=7", "keep_prob is a number above 0 and at most 1, got 0"),
      ("keep_prob=1.01,block_size=7", "keep_prob is a number above 0 and at most 1, got 1.01"),
      ("keep_prob=nan,block_size=7", "got nan"), ("keep_prob=,block_size=7", "keep_prob is"),
      ("keep_prob=0.9,block_size=0", "block_size is a whole number from 1 to 4096, got 0"),
      ("keep_prob=0.9,block_size=4097", "got 4097"), ("keep_prob=0.9,block_size=2.5", "got 2.5"),
      ("keep_prob=0.9", "block_size is a whole number from 1 to 4096, got none"), ("block_size=7", "got none"),
      ("keep_prob=0.9,block_size=7,group=3", "there is no \"group=3\""), ("", "there is no \"\""),
      ("keep_prob=0.9,block_size=7,", "there is no \"\""), ("keep_prob", "there is no \"keep_prob\""),
      ("keep_prob=0.9,block_size=7,block_size=7", "block_size stands twice"),
      ("keep_prob=0.9,block_size=7,groups=3,4", "there is no \"4\""),
      ("keep_prob=0.9,block_size=7,groups=0", "groups is one or more whole numbers from 1"),
      ("keep_prob=0.9,block_size=7,groups=3+3", "groups is"), ("keep_prob=0.9,block_size=7,groups=3+", "groups is"),
      ("keep_prob=0.9,block_size=7,seed=-1", "seed is a whole number from 0, got -1"),
      ("keep_prob=0.9,block_size=7,group_scaling=yes", "group_scaling is true or false, got yes"),
    ])
  func malformed(text: String, words: String) {
    let error = thrown(InputError.self) { try DropBlockOption(text) }
    #expect(error?.exitCode == .usage)
    #expect(error?.description.hasPrefix("--dropblock \(text): ") == true, "\(error?.description ?? "")")
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  private func configuration(_ text: String) throws -> Configuration {
    try Configuration(text: text, name: "test.yaml")
  }

  private func resolve(_ option: String, _ configuration: Configuration) throws -> InferenceDropBlock {
    try DropBlockOption(option).resolved(for: configuration, option: "--dropblock")
  }

  @Test(
    "groups are those that are stated, those of the configuration, 3 and 4, or all, in this order; sites are its own")
  func groups() throws {
    let resNet = try configuration("model: {name: resnet, depth: 18}\ndropblock: {groups: [4], sites: conv}\n")
    let stated = try resolve("keep_prob=0.9,block_size=7,groups=2+3", resNet)
    #expect(stated.selection == MaskSelection(groups: [2, 3], roles: [.convolution, .branchEnd]))
    #expect(try resolve("keep_prob=0.9,block_size=7", resNet).selection.groups == [4])
    let off = try configuration("model: {name: resnet, depth: 18}\ndropblock: {groups: []}\n")
    #expect(try resolve("keep_prob=0.9,block_size=7", off).selection == MaskSelection(groups: [3, 4]))
    let other = try configuration("model: {name: resnet, depth: 18}\ndropout: {groups: [2]}\n")
    #expect(try resolve("keep_prob=0.9,block_size=7", other).selection.groups == [3, 4])
    let custom = try configuration("model: {name: customnet}\ndata: {kind: cifar10}\ninput: {size: 32}\n")
    #expect(try resolve("keep_prob=0.9,block_size=7", custom).selection.groups == [1, 2, 3])
    let error = thrown(InputError.self) { try resolve("keep_prob=1,block_size=7,groups=3+4", custom) }
    #expect(error?.exitCode == .badConfiguration)
    #expect(error?.description.contains("model.name customnet, which has [1, 2, 3]; got 4") == true)
  }

  @Test("keep_prob 1 is evaluation as usual; the mode is the paper's, and groups drop alike unless they are scaled")
  func meaning() throws {
    let resNet = try configuration(
      "model: {name: resnet, depth: 18}\ndropblock: {mode: torchvision, schedule: constant, sites: conv, group_scaling: false}\n"
    )
    #expect(try resolve("keep_prob=1,block_size=7", resNet) == .off)
    func expected(_ groups: Int?) -> InferenceDropBlock {
      InferenceDropBlock(
        DropBlock(blockSize: 2), keepProbabilities: KeepProbabilities(0.5, groups: groups),
        at: MaskSelection(groups: [3, 4], roles: [.convolution, .branchEnd]), seed: 9)
    }
    #expect(try resolve("keep_prob=0.5,block_size=2,seed=9", resNet) == expected(nil))
    #expect(try resolve("keep_prob=0.5,block_size=2,seed=9,group_scaling=true", resNet) == expected(4))
  }
}

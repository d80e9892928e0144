import Tensors
import Testing

@testable import Training

/// Oracle: the forms that the command's help names.
@Suite struct InjectedFaultTests {
  @Test("each form is read, with its defaults")
  func forms() throws {
    func read(_ text: String) throws -> (InjectedFault.Kind, Int, Int) {
      let fault = try InjectedFault(text)
      return (fault.kind, fault.rank, fault.step)
    }
    #expect(try read("kill:rank=1,step=7") == (.kill, 1, 7))
    #expect(try read("kill:step=7,rank=0") == (.kill, 0, 7))
    #expect(try read("stop:rank=2,step=3") == (.stop, 2, 3))
    #expect(try read("stall:rank=1,step=7") == (.stall(seconds: nil), 1, 7))
    #expect(try read("stall:rank=1,step=7,seconds=2.5") == (.stall(seconds: 2.5), 1, 7))
    #expect(try read("nan:rank=1,step=7") == (.notANumber(.loss), 1, 7))
    #expect(try read("nan:rank=1,step=7,place=input") == (.notANumber(.input), 1, 7))
    #expect(try read("bitflip:rank=3,step=1") == (.bitFlip(tensor: nil, bit: 11), 3, 1))
    #expect(try read("bitflip:rank=3,step=1,tensor=a.b,bit=31") == (.bitFlip(tensor: "a.b", bit: 31), 3, 1))
  }

  @Test(
    "anything else is code 64, with what is wrong and what is expected",
    arguments: [
      ("", "there is no \"\""), ("explode:rank=1,step=7", "there is no \"explode\""), ("kill", "rank is a whole"),
      ("kill:rank=1", "step is a whole number from 1, got none"), ("kill:rank=1,step=0", "from 1, got 0"),
      ("kill:rank=-1,step=1", "rank is a whole number from 0, got -1"), ("kill:rank=x,step=1", "got x"),
      ("kill:rank=1,step=7,seconds=1", "kill takes no \"seconds=1\""), ("kill:rank=1,step=7,rank=2", "stands twice"),
      ("kill:rank=1,step", "kill takes no \"step\""), ("stall:rank=1,step=7,seconds=0", "above 0"),
      ("stall:rank=1,step=7,seconds=soon", "above 0"), ("nan:rank=1,step=7,place=here", "loss or input, got here"),
      ("bitflip:rank=1,step=7,bit=32", "bit is a whole number from 0 to 31, got 32"),
    ])
  func mistakes(text: String, reason: String) {
    do throws(InputError) {
      let fault = try InjectedFault(text)
      Issue.record("\(fault)")
    } catch {
      #expect(error.exitCode == .usage)
      #expect(error.description.hasPrefix("--inject \(text): "))
      #expect(error.description.contains(reason) && error.description.contains("expected kill:rank=R"), "\(error)")
    }
  }
}

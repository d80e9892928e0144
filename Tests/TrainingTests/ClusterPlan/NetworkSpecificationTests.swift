import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: arithmetic by hand.
@Suite struct NetworkSpecificationTests {
  @Test(
    "rates, names and latencies",
    arguments: [
      ("10Gbit/s,50us", 1e10, 50e-6), ("1gbe", 1e9, 50e-6), ("10gbe", 1e10, 50e-6), ("25gbe,30us", 2.5e10, 30e-6),
      ("100gbe,1.5us", 1e11, 1.5e-6), ("100Mbit/s,20ms", 1e8, 0.02), ("64kbit/s", 6.4e4, 50e-6),
      ("2.5Gbit/s,0us", 2.5e9, 0),
    ])
  func readable(text: String, bits: Double, latency: Double) throws {
    let network = try NetworkSpecification(text)
    #expect(abs(network.bitsPerSecond - bits) < 1e-9 * bits && abs(network.latencySeconds - latency) < 1e-12)
    #expect(network.name == text)
  }

  @Test("a full frame of Ethernet leaves TCP 941 Mbit/s of a Gbit/s")
  func payload() throws {
    #expect(abs(try NetworkSpecification("1gbe").bytesPerSecond * 8 / 1e6 - 941.48) < 0.01)
  }

  @Test(
    "anything else is an error",
    arguments: [
      "", ",", "10", "10Gbit", "10 Gbit/s", "10gbit/s", "10Gbit/s,", "10Gbit/s,50", "10Gbit/s,50us,1", ",50us", "40gbe",
      "10GBE", "-1Gbit/s", "0Gbit/s", "1e3Gbit/s", "0x10Mbit/s", "nanGbit/s", "infGbit/s", "1.2.3Gbit/s", ".5Gbit/s",
      "10Gbit/s,-1us", "10Gbit/s,11000ms", "20000Gbit/s", "1kbit/s", "10Gbit/s;50us", "١Gbit/s",
    ])
  func unreadable(text: String) {
    let error = thrown(InputError.self) { try NetworkSpecification(text) }
    #expect(error?.exitCode == .usage && error?.description.hasPrefix("--network: expected a rate") == true)
  }
}

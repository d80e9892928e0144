import Tensors

/// A network between nodes by the two numbers of the alpha-beta model: each node has one link, full duplex, to a switch
/// that never blocks.
///
/// The model is Hockney's: a message of n bytes takes alpha + n / beta (R. Hockney, "The communication challenge for MPP",
/// Parallel Computing 20, 1994).
public struct NetworkSpecification: Equatable, Sendable {
  /// What was asked for, as text.
  public let name: String
  /// Rate of a node's link in bits a second, each way.
  public let bitsPerSecond: Double
  /// Seconds from the sending of a small message until the program at the other end has it: half a round trip, alpha.
  public let latencySeconds: Double

  /// The latency where none is said: half a round trip through the kernel's TCP and one switch.
  public static let defaultLatencySeconds = 50e-6

  /// The share of a link that carries messages: of 1538 bytes that a full Ethernet frame takes on the wire (preamble 8,
  /// header 14, payload 1500, checksum 4, gap 12), IPv4 (20) and TCP with its timestamps (32) leave 1448.
  public static let payloadShare = 1448.0 / 1538

  /// Bytes of messages a second, beta.
  public var bytesPerSecond: Double { bitsPerSecond / 8 * Self.payloadShare }

  /// A network of its parts.
  public init(name: String, bitsPerSecond: Double, latencySeconds: Double = defaultLatencySeconds) {
    (self.name, self.bitsPerSecond, self.latencySeconds) = (name, bitsPerSecond, latencySeconds)
  }
}

extension NetworkSpecification {
  /// Networks with names, in bits a second.
  private static let named: KeyValuePairs<String, Double> = [
    "1gbe": 1e9, "10gbe": 1e10, "25gbe": 2.5e10, "100gbe": 1e11,
  ]
  private static let rateUnits: KeyValuePairs<String, Double> = ["kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9]
  private static let latencyUnits: KeyValuePairs<String, Double> = ["us": 1e-6, "ms": 1e-3]
  private static let rates = 1e4...1e13
  private static let latencies = 0.0...10.0

  /// Reads a rate or a name, and a latency behind a comma: `10Gbit/s,50us`, `25gbe`, `1gbe,200us`.
  ///
  /// Throws 64 with what was expected.
  public init(_ text: String) throws(InputError) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count) else { throw Self.unreadable(text) }
    let name = Self.named.first { $0.key == parts[0] }?.value
    guard let bits = name ?? Self.number(parts[0], Self.rateUnits), Self.rates.contains(bits) else {
      throw Self.unreadable(text)
    }
    var latency = Self.defaultLatencySeconds
    if parts.count == 2 {
      guard let stated = Self.number(parts[1], Self.latencyUnits), Self.latencies.contains(stated) else {
        throw Self.unreadable(text)
      }
      latency = stated
    }
    self.init(name: text, bitsPerSecond: bits, latencySeconds: latency)
  }

  /// A plain decimal number and its unit, without anything between or around them.
  private static func number(_ text: String, _ units: KeyValuePairs<String, Double>) -> Double? {
    guard let unit = units.first(where: { text.hasSuffix($0.key) }) else { return nil }
    let digits = text.dropLast(unit.key.count)
    guard let first = digits.first, first.isASCII, first.isNumber,
      digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") })
    else { return nil }
    return Double(digits).map { $0 * unit.value }
  }

  private static func unreadable(_ text: String) -> InputError {
    InputError(
      .usage,
      "--network: expected a rate from 10kbit/s to 10000Gbit/s (kbit/s, Mbit/s, Gbit/s) or one of "
        + "\(named.map(\.key).joined(separator: ", ")), and behind a comma, if not \(shown(defaultLatencySeconds)), the time of "
        + "half a round trip up to 10000ms (us, ms), such as 10Gbit/s,50us; got \(text)")
  }

  /// Seconds with a unit, as they are written in a specification.
  static func shown(_ seconds: Double) -> String {
    seconds < 1e-3 ? "\(NumberText.significant(seconds * 1e6))us" : "\(NumberText.significant(seconds * 1e3))ms"
  }

  /// The network in words.
  var summary: String {
    let rate =
      bitsPerSecond < 1e9
      ? "\(NumberText.significant(bitsPerSecond / 1e6)) Mbit/s"
      : "\(NumberText.significant(bitsPerSecond / 1e9)) Gbit/s"
    return "\(rate) a node each way, of which \(NumberText.fixed(Self.payloadShare * 100, 1)) % are payload; "
      + "\(Self.shown(latencySeconds)) for half a round trip"
  }
}

import Tensors

/// A fault that a run brings upon itself, to see what becomes of it: `--inject KIND:rank=R,step=S[,...]`.
public struct InjectedFault: Equatable, Sendable {
  /// What happens.
  public enum Kind: Equatable, Sendable {
    /// The rank ends by SIGKILL between the batch and the forward pass.
    case kill
    /// The rank does nothing for so many seconds at the same place; nil: for ever.
    case stall(seconds: Double?)
    /// A number of the rank's first batch of the step becomes NaN.
    case notANumber(NotANumberPlace)
    /// The rank gets a SIGTERM after the update, before anything is saved or evaluated.
    case stop
    /// After the update, a bit of a parameter of the rank flips, from 0 (the last of the mantissa) to 31 (the sign), in
    /// the middle of the tensor; nil: the first parameter.
    case bitFlip(tensor: String?, bit: Int)
  }

  /// What becomes NaN.
  public enum NotANumberPlace: String, CaseIterable, Sendable {
    /// The box that an anchor is to predict: every output stays finite, the box loss does not.
    case loss
    /// A value of the first image.
    case input
  }

  /// What happens.
  public let kind: Kind
  /// The rank that it happens to.
  public let rank: Int
  /// The step in which it happens, as the console counts them: the first one is 1.
  public let step: Int

  /// Each kind with the values that it takes besides the rank and the step.
  private static let extras = [
    "kill": [], "stall": ["seconds"], "nan": ["place"], "bitflip": ["tensor", "bit"], "stop": [],
  ]

  /// Reads a fault from the command line.
  ///
  /// Throws 64, with what is expected, for anything else.
  public init(_ text: String) throws(InputError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let extras = Self.extras[parts[0]] else { throw Self.mistake(text, "there is no \"\(parts[0])\"") }
    var values: [String: String] = [:]
    for part in parts.dropFirst().joined().split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2, (["rank", "step"] + extras).contains(pair[0]) else {
        throw Self.mistake(text, "\(parts[0]) takes no \"\(part)\"")
      }
      if values.updateValue(pair[1], forKey: pair[0]) != nil { throw Self.mistake(text, "\(pair[0]) stands twice") }
    }
    func number(_ name: String, from low: Int, to high: Int = .max, default value: Int? = nil) throws(InputError) -> Int
    {
      guard let found = values[name].map({ Int($0) }) ?? value, found >= low, found <= high else {
        let range = high == .max ? "from \(low)" : "from \(low) to \(high)"
        throw Self.mistake(text, "\(name) is a whole number \(range), got \(values[name] ?? "none")")
      }
      return found
    }
    (rank, step) = (try number("rank", from: 0), try number("step", from: 1))
    switch parts[0] {
    case "kill": kind = .kill
    case "stop": kind = .stop
    case "stall":
      let seconds = values["seconds"].map { Double($0) }
      if let seconds, !(seconds ?? -1 > 0) { throw Self.mistake(text, "seconds is a number above 0") }
      kind = .stall(seconds: seconds ?? nil)
    case "nan":
      guard let place = NotANumberPlace(rawValue: values["place"] ?? "loss") else {
        throw Self.mistake(text, "place is loss or input, got \(values["place"] ?? "none")")
      }
      kind = .notANumber(place)
    default:
      // A bit in the middle of the mantissa: an error of a part in 4096, which no loss shows.
      kind = .bitFlip(tensor: values["tensor"], bit: try number("bit", from: 0, to: 31, default: 11))
    }
  }

  private static func mistake(_ text: String, _ reason: String) -> InputError {
    InputError(
      .usage,
      "--inject \(text): \(reason); expected kill:rank=R,step=S, stall:rank=R,step=S[,seconds=T], "
        + "nan:rank=R,step=S[,place=loss|input], bitflip:rank=R,step=S[,tensor=NAME][,bit=B] or stop:rank=R,step=S")
  }
}

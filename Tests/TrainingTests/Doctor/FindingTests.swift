import Testing

@testable import Training

@Suite struct FindingTests {
  private func merged(_ findings: [Finding], hosts: Int = 2, ranks: Int = 4) -> [String] {
    findings.merged(hosts: hosts, ranks: ranks).map(\.found)
  }

  @Test("what every host or rank found is told once, without names")
  func everywhere() {
    #expect(merged([.ok("fine", on: .host("a")), .ok("fine", on: .host("b"))]) == ["fine"])
    let ranks = (0..<4).map { Finding.warning("slow", on: .rank($0, host: $0 < 2 ? "a" : "b")) }
    #expect(merged(ranks) == ["slow"])
    #expect(merged([.ok("fine"), .ok("fine")]) == ["fine"])
  }

  @Test("what some found names them, in the order of the ranks")
  func somewhere() {
    #expect(
      merged([.ok("8 cores", on: .host("a")), .ok("4 cores", on: .host("b"))]) == ["a: 8 cores", "b: 4 cores"])
    let two = [3, 1].map { Finding.problem(.badData, "no data", on: .rank($0, host: "b")) }
    #expect(merged(two) == ["rank 3 on b, rank 1 on b: no data"])
    let many = (0..<6).map { Finding.ok("x", on: .host("n\($0)")) }
    #expect(merged(many, hosts: 9) == ["n0, n1, n2, n3 and 2 more: x"])
  }

  @Test("an error keeps its code and its words; an agreed one already names its rank")
  func errors() {
    let finding = Finding(ConfigurationError.impossible(place: "p", key: "k", reason: "r"), on: .rank(1, host: "a"))
    #expect(finding.verdict == .problem && finding.exitCode == 78 && finding.place == .rank(1, host: "a"))
    struct Odd: Error {}
    #expect(Finding(Odd(), on: .job).exitCode == 70)
  }
}

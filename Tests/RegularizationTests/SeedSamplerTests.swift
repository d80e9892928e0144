import Glibc
import Tensors
import Testing

@testable import Regularization

@Suite struct SeedSamplerTests {
  /// The places of one sequence, named by its fourth counter word.
  private func places(_ sampler: SeedSampler, of count: Int, sequence: UInt32) -> [Int] {
    let philox = Philox(seed: 11, stream: 3)
    let counter = SIMD4<UInt32>(1 << 31, 5, 6, sequence)
    return sampler.places(of: count, philox: philox, counter: counter)
  }

  /// Pearson's sum over places is chi-square with one degree a place, for the rate is given and not fitted.
  ///
  /// Mean 40, standard deviation 8.9. Every fixed seed is one draw; 40 + 5 deviations is passed by chance 1 time in 10^5.
  @Test("every place is taken with probability gamma, and neighbours independently", arguments: [0.004, 0.1, 0.5, 0.9])
  func bernoulli(gamma: Double) {
    let (count, sequences) = (40, 50_000)
    let sampler = SeedSampler(gamma: gamma)
    var taken = [Int](repeating: 0, count: count)
    var pairs = 0
    for sequence in 0..<sequences {
      var previous = -2
      for place in places(sampler, of: count, sequence: UInt32(sequence)) {
        taken[place] += 1
        pairs += place == previous + 1 ? 1 : 0
        previous = place
      }
    }
    let expected = gamma * Double(sequences)
    let chiSquare = taken.reduce(0) { $0 + pow(Double($1) - expected, 2) / (expected * (1 - gamma)) }
    #expect(chiSquare > 10 && chiSquare < 85, "chi-square \(chiSquare) for 40 degrees of freedom")

    // Pairs of neighbours that share a member are dependent: the variance of a pair count has a term for each.
    let trials = Double(count - 1)
    let square = gamma * gamma
    let variance = trials * square * (1 - square) + 2 * (trials - 1) * (square * gamma - square * square)
    let deviation = (Double(pairs) - Double(sequences) * trials * square) / (Double(sequences) * variance).squareRoot()
    #expect(abs(deviation) < 4.5, "neighbouring pairs are \(deviation) standard errors off")
  }

  @Test("the number of taken places is binomial")
  func binomial() {
    let (gamma, count, sequences) = (0.05, 30, 60_000)
    let sampler = SeedSampler(gamma: gamma)
    var histogram = [Double](repeating: 0, count: 7)
    for sequence in 0..<UInt32(sequences) {
      histogram[min(6, places(sampler, of: count, sequence: sequence).count)] += 1
    }
    var probability = pow(1 - gamma, Double(count))
    var chiSquare = 0.0
    var rest = 1.0
    for k in 0..<6 {
      chiSquare += pow(histogram[k] - Double(sequences) * probability, 2) / (Double(sequences) * probability)
      rest -= probability
      probability *= gamma / (1 - gamma) * Double(count - k) / Double(k + 1)
    }
    chiSquare += pow(histogram[6] - Double(sequences) * rest, 2) / (Double(sequences) * rest)
    // Six degrees of freedom: above 33 once in 10^5.
    #expect(chiSquare < 33, "chi-square \(chiSquare) for 6 degrees of freedom")
  }

  @Test("a gamma of 1 takes every place, and one that is hardly above 0 takes none")
  func extremes() {
    #expect(places(SeedSampler(gamma: 1), of: 50, sequence: 0) == Array(0..<50))
    for gamma in [1e-300, 0, -0.0] {
      let rarest = SeedSampler(gamma: gamma)
      #expect((0..<1000).allSatisfy { places(rarest, of: 66_800, sequence: $0).isEmpty }, "\(gamma)")
    }
  }

  /// The smallest gamma that training meets, in the first steps of a schedule.
  ///
  /// An error in the low bits of the uniform
  /// number would show here.
  @Test("rare seeds come at their rate")
  func rare() {
    let (gamma, count, sequences) = (1e-6, 10_000, 100_000)
    let sampler = SeedSampler(gamma: gamma)
    let total = (0..<sequences).reduce(0) { $0 + places(sampler, of: count, sequence: UInt32($1)).count }
    let expected = gamma * Double(count) * Double(sequences)
    // A Poisson count of mean 1000.
    #expect(abs(Double(total) - expected) < 4.5 * expected.squareRoot(), "\(total) seeds for \(expected)")
  }

  @Test("the logarithm is the C library's to 1e-13 of its value")
  func logarithm() {
    var words = RandomSequence(Philox(seed: 1, stream: 0), 0, 0, 0)
    var arguments = (0..<10_000).map { _ in (Double(words.nextWord()) + 0.5) * 0x1p-32 }
    arguments += [0.5 * 0x1p-32, 1 - 0.5 * 0x1p-32, 0.5, 0.5.squareRoot(), 0.5.squareRoot().nextDown]
    for argument in arguments {
      let exact = log(argument)
      // The first term left out is q^8/17 with q <= 0.0295, 3.4e-14; the rest is rounding.
      #expect(abs(SeedSampler.logarithm(argument) - exact) <= 1e-13 * abs(exact), "log \(argument)")
    }
  }
}

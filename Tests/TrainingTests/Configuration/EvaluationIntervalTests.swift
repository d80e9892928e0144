import Testing

@testable import Training

/// Oracle: the meaning of the words, by hand.
struct EvaluationIntervalTests {
  @Test("auto is an epoch for few images and never for many; null is never, a length is itself")
  func steps() throws {
    func steps(_ text: String, trainingImages: Int = 2000, validationImages: Int) throws -> Int? {
      let configuration = try Configuration(text: "train: {evaluate_every: \(text)}", name: "test")
      return configuration.train.evaluateEvery.steps(
        stepsPerEpoch: 25, trainingImages: trainingImages, validationImages: validationImages)
    }
    #expect(try steps("auto", validationImages: 1000) == 25)
    #expect(try steps("auto", validationImages: 1001) == nil)
    #expect(try steps("auto", trainingImages: 100, validationImages: 100) == 25)
    #expect(try steps("auto", trainingImages: 99, validationImages: 100) == nil)
    #expect(try steps("null", validationImages: 4) == nil)
    #expect(try steps("2 epochs", validationImages: 1001) == 50)
    #expect(try steps("3 steps", validationImages: 4) == 3)
    #expect(Configuration().train.evaluateEvery == .automatic)
  }

  @Test("it is written as it is read", arguments: ["auto", "null", "2 epochs", "3 steps"])
  func yaml(text: String) throws {
    let configuration = try Configuration(text: "train: {evaluate_every: \(text)}", name: "test")
    #expect(configuration.yaml.contains("  evaluate_every: \(text)\n"))
  }

  @Test("other words are an error that names what there is")
  func mistakes() {
    #expect(throws: ConfigurationError.self) { try Configuration(text: "train: {evaluate_every: often}", name: "test") }
    #expect(throws: ConfigurationError.self) {
      try Configuration(text: "train: {evaluate_every: 0 steps}", name: "test")
    }
  }
}

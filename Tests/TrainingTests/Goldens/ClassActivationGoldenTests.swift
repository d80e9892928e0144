import Checkpoints
import Graph
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

/// Class activation maps as torch computes them on the same weights, in float64; `Tests/Goldens/class_activation.py`.
@Suite(.serialized) struct ClassActivationGoldenTests {
  private func configuration(_ name: String) throws -> Configuration {
    let network = try #require(Configuration.ModelName(rawValue: name))
    var configuration = Configuration(form: .torchvision, network: network)
    (configuration.model.depth, configuration.model.classes) = (.resNet18, 10)
    return configuration
  }

  @Test(
    "maps, logits and the map in the size of the image equal torch's",
    arguments: ["resnet", "resnet_keras", "densenet"])
  func maps(name: String) throws {
    let golden = try TestSupport.golden(named: "class-activation")
    let shape = golden.metadata["\(name).shape", default: ""].split(separator: ",").compactMap { Int($0) }
    let (height, width) = (shape[2], shape[3])
    var configuration = try configuration(name)
    configuration.input.size = Configuration.ImageSize(height: height, width: width)
    let classifier = try #require(configuration.task as? Classifier)
    let network = try #require(classifier.network as? any PooledClassifier)
    let engine = Engine()
    let store = Plan(classifier.bareGraph, engine: engine, mode: .inference, policy: .direct).parameters
    let rule = GoldenInitialization(seed: UInt32(golden.number("seed")))
    for parameter in store.parameters {
      store.write(parameter.name, .value, rule.parameter(parameter.name, shape: parameter.extents))
    }
    let mapper = ClassActivationMapper(classifier, network, engine: engine, store: store)
    let images = rule.image(shape: shape)
    let logits = try golden.floats(named: "\(name)/logits")
    let maps = try golden.floats(named: "\(name)/maps")
    let upsampled = try golden.floats(named: "\(name)/upsampled")
    let pixels = mapper.mapSize.height * mapper.mapSize.width
    #expect(pixels > 1 && maps.count == 20 * pixels)
    func expectClose(_ actual: [Float], _ expected: ArraySlice<Float>, _ what: String) {
      let closeness = Closeness(of: actual, to: Array(expected))
      #expect(closeness.relativeL2 < 1e-4, "\(what): \(closeness)")
    }
    for image in 0..<2 {
      let planes = 3 * height * width
      let found = mapper.activation(of: nil) {
        _ = $0.update(fromContentsOf: images[image * planes..<(image + 1) * planes])
      }
      let expected = logits[10 * image..<10 * (image + 1)]
      expectClose(found.logits, expected, "logits")
      #expect(expected.max() == expected[10 * image + found.classNumber])
      for classNumber in 0..<10 {
        let start = (10 * image + classNumber) * pixels
        expectClose(mapper.map(of: classNumber).values, maps[start..<start + pixels], "class \(classNumber)")
      }
      #expect(found.map == mapper.map(of: found.classNumber))
      let resized = found.map.resized(height: height, width: width)
      expectClose(resized.values, upsampled[image * height * width..<(image + 1) * height * width], "resized")
    }
  }

  @Test("probabilities are those of the softmax, also where exponentials overflow")
  func probability() {
    func activation(_ classNumber: Int, _ logits: [Float]) -> ClassActivation {
      ClassActivation(classNumber: classNumber, logits: logits, map: .init(height: 1, width: 1, values: [0]))
    }
    #expect(activation(1, [0, 0, 0, 0]).probability == 0.25)
    #expect(abs(activation(0, [2, 1]).probability - 0.731_058_578_630_004_9) < 1e-15)
    #expect(activation(1, [-1e30, 1e30]).probability == 1 && activation(0, [-1e30, 1e30]).probability == 0)
    #expect(activation(0, [1]).isFinite && !activation(0, [.nan]).isFinite && !activation(0, [1, .infinity]).isFinite)
  }

  @Test("a network without a mean over its last map has no class activation maps, and the others name their weight")
  func networks() throws {
    for network in Configuration.ModelName.allCases where network.task == .classifier {
      let classifier = try #require(configuration(network.rawValue).task as? Classifier)
      guard let pooled = classifier.network as? any PooledClassifier else {
        #expect(network == .customNet)
        continue
      }
      let graph = Graph()
      let features = pooled.features(graph, graph.input(Shape(1, 3, 64, 64)))
      #expect(pooled.logits(graph, features).shape == Shape(1, 10, 1, 1))
      let weight = try #require(graph.parameters.first { $0.name == pooled.classWeight })
      #expect(weight.extents == [10, features.shape.c, 1, 1], "\(network)")
    }
  }
}

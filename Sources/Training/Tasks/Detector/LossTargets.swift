import Detection
import Distributed
import Graph

extension Detector {
  /// The targets of a micro-batch; with a global normaliser the ranks add up their positives.
  func batchTargets(_ images: [AnchorTargets], communicator: Communicator) throws -> any BatchTargets {
    var positives: (count: Double, ranks: Int)?
    if configuration.loss.normalizer == .global {
      let local = Double(images.reduce(0) { $0 + $1.positiveCount })
      positives = (try communicator.allreduced(local, .sum), communicator.size)
    }
    return lossTargets(images, positivesOfAllRanks: positives)
  }

  /// The targets of a batch for the loss operations, normalised as the form does.
  ///
  /// The paper divides both losses by the positives of the whole batch plus 1 (the box loss by four times that, for the
  /// four coordinates); torchvision divides each image's by its positives, at least 1, and takes the mean over images.
  ///
  /// - Parameters:
  ///   - anchorTargets: one an image.
  ///   - positivesOfAllRanks: the positives of the micro-batch over all ranks and their number, where the normaliser is
  ///     global: each rank's loss is then ranks x local sum / (global positives + 1), so that the mean of gradients is the
  ///     gradient of the global loss. It changes nothing in torchvision's form, whose normaliser is per image.
  func lossTargets(
    _ anchorTargets: [AnchorTargets], positivesOfAllRanks: (count: Double, ranks: Int)? = nil
  ) -> DetectionTargets {
    let boxWeight = Float(configuration.loss.boxWeight)
    let images = Float(anchorTargets.count)
    let classWeights: [Float]
    let boxWeights: [Float]
    switch form {
    case .paper:
      let local = Double(anchorTargets.reduce(0) { $0 + $1.positiveCount })
      let (positives, ranks) = positivesOfAllRanks ?? (local, 1)
      let weight = Float(Double(ranks) / (positives + 1))
      classWeights = anchorTargets.map { _ in weight }
      boxWeights = anchorTargets.map { _ in weight * boxWeight / 4 }
    case .torchvision:
      classWeights = anchorTargets.map { 1 / (Float(max(1, $0.positiveCount)) * images) }
      boxWeights = classWeights.map { $0 * boxWeight }
    }
    let targets = DetectionTargets(
      levelCount: Anchors.pyramidLevels.count, classWeights: classWeights, boxWeights: boxWeights)
    for (image, target) in anchorTargets.enumerated() {
      for positive in target.positives {
        targets.levels[positive.location.level].positives.append(
          PositiveAnchor(
            image: image, pixel: positive.location.pixel, anchor: positive.location.anchor,
            classIndex: positive.classIndex, code: positive.box))
      }
      for location in target.ignored {
        targets.levels[location.level].ignored.append(
          IgnoredAnchor(image: image, pixel: location.pixel, anchor: location.anchor))
      }
    }
    return targets
  }
}

extension Replica.Result where Task == Detector {
  /// The weighted class loss.
  var classLoss: Double { means[0] }
  /// The weighted box loss.
  var boxLoss: Double { means[1] }
  /// The whole loss.
  var loss: Double { classLoss + boxLoss }
}

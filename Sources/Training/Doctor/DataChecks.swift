import Datasets
import Tensors

extension RunCheck {
  /// Whether the configuration is one that can be run on this processor.
  static var configuration: [RunCheck] {
    [
      RunCheck("precision") { context in
        try context.configuration.requireRunnable()
        return context.isFirstOfHost ? [.ok(context.configuration.precision.rawValue, on: context.host)] : []
      }
    ]
  }

  /// What `doctor` looks at in the images and annotations of each host.
  static func data(_ survey: RunSurvey) -> [RunCheck] {
    [
      RunCheck("batch") { context in
        let batch = try survey.batch()
        if context.communicator.rank != 0 { return [] }
        return [.ok("\(batch.global) images an update, \(batch.perRank) a rank and pass, \(batch.accumulate) passes")]
      },
      RunCheck("training data") { context in
        let input = try survey.openTrainingInput()
        guard context.isFirstOfHost else { return [] }
        let faults: DatasetFaults
        switch input {
        case let input as DetectionInput: faults = DatasetFaults(input.source.dataset)
        case let input as ClassificationInput: faults = DatasetFaults(input.source.dataset)
        default: return [.ok("\(input.contents); \(input.schedule.stepsPerEpoch) steps an epoch", on: context.host)]
        }
        let allowed = context.configuration.data.maxFaults
        let summary = "\(faults.contents); \(input.schedule.stepsPerEpoch) steps an epoch"
        if faults.count == 0 { return [.ok(summary, on: context.host)] }
        let text = "\(summary); \(faults.text)"
        if faults.decoded == 0 {
          return [
            .problem(.badData, text, remedy: "say where the images lie with data.train.images=DIR", on: context.host)
          ]
        }
        if faults.count > allowed {
          return [
            .problem(
              .badData, "\(text); data.max_faults allows \(allowed)",
              remedy: "mend the data, or --set data.max_faults=\(faults.count)", on: context.host)
          ]
        }
        return [.warning(text, remedy: "training leaves them out and names each", on: context.host)]
      },
      RunCheck("validation data") { context in
        let faults: DatasetFaults
        if context.configuration.model.name == .retinaNet {
          let split = try DetectionSplit(.validation, of: context.configuration, communicator: context.communicator)
          guard context.isFirstOfHost else { return [] }
          faults = DatasetFaults(split.dataset)
        } else {
          let split = try ClassificationSplit(
            .validation, of: context.configuration, communicator: context.communicator)
          guard context.isFirstOfHost else { return [] }
          faults = DatasetFaults(split.dataset)
        }
        if faults.count == 0 { return [.ok(faults.contents, on: context.host)] }
        return [
          .problem(
            .badData, "\(faults.contents); \(faults.text)",
            remedy: "evaluation leaves nothing out: mend these files", on: context.host)
        ]
      },
    ]
  }
}

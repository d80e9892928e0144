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
        let census = input.census(.files)
        survey.censuses.append(census)
        let allowed = context.configuration.data.maxFaults
        let summary = "\(census.summary); \(input.schedule.stepsPerEpoch) steps an epoch"
        let text = "\(summary); \(census.faultsText)"
        let warnings = census.warnings.map { Finding.warning($0, on: context.host) }
        if census.faults == 0 { return [.ok(summary, on: context.host)] + warnings }
        if let loss = census.lossOfImages {
          return [.problem(.badData, "\(summary); \(loss)", on: context.host)] + warnings
        }
        if census.faults > allowed {
          return [
            .problem(
              .badData, "\(text); data.max_faults allows \(allowed)",
              remedy: "mend the data, or --set data.max_faults=\(census.faults)", on: context.host)
          ] + warnings
        }
        return [.warning(text, remedy: "training leaves them out and names each", on: context.host)] + warnings
      },
      RunCheck("validation data") { context in
        let open = try context.configuration.task.openValidation(communicator: context.communicator)
        guard context.isFirstOfHost else { return [] }
        let census = open()
        survey.censuses.append(census)
        let warnings = census.warnings.map { Finding.warning($0, on: context.host) }
        if census.files.missing.count + census.files.unreadable.count == 0 {
          return [.ok(census.summary, on: context.host)] + warnings
        }
        return [
          .problem(
            .badData, "\(census.summary); \(census.faultsText)",
            remedy: census.filesRemedy, on: context.host)
        ] + warnings
      },
    ]
  }
}

import Datasets
import Tensors

extension TrainingRun {
  /// Samples on the sheet.
  private static var sampleCount: Int { 9 }
  /// Pixels of the longer side of a sample on the sheet, at most.
  private static var sampleSide: Int { 480 }

  /// Draws the first training samples of a new run, so that wrong data are seen in its first minute.
  func drawFirstSamples() {
    guard step == 0 else { return }
    recorder?.attemptReport {
      // Training itself counts and names the faults of these images.
      let samples = try task.firstSamples(Self.sampleCount, of: input.source, side: Self.sampleSide) { _ in }
      let sheet = PictureSheet(of: samples).drawn().jpegFile(quality: 85)
      try requireDirectoryInPlace()
      try writeFile(sheet, to: directory.samplesFile)
      console.say("first training samples: \(directory.samplesFile)")
    }
  }
}

/// The steps since the last row of metrics, and the pace of the run for the time that is left.
struct MetricsWindow {
  private var steps = 0
  private var seconds = 0.0
  private var data = 0.0
  private var exposed = 0.0
  private var timeLeft = TimeLeft()

  /// Takes a step's times, in seconds.
  mutating func add(seconds: Double, dataSeconds: Double, exposedSeconds: Double) {
    steps += 1
    self.seconds += seconds
    data += dataSeconds
    exposed += exposedSeconds
    timeLeft.record(steps: 1, seconds: seconds)
  }

  /// Starts a new window; the pace is kept.
  mutating func restart() { (steps, seconds, data, exposed) = (0, 0, 0, 0) }

  /// Mean seconds of a step.
  var stepSeconds: Double { seconds / Double(max(1, steps)) }
  /// Mean seconds of a step spent waiting for images.
  var dataSeconds: Double { data / Double(max(1, steps)) }
  /// Mean seconds of a step inside MPI.
  var exposedSeconds: Double { exposed / Double(max(1, steps)) }

  /// Seconds that so many steps will take.
  func secondsLeft(forSteps steps: Int) -> Double { timeLeft.seconds(forSteps: steps) }
}

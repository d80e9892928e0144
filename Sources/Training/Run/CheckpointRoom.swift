import Tensors

/// The room for a run's checkpoints on the disk of its directory.
struct CheckpointRoom {
  /// Bytes that are free.
  let freeBytes: Int
  /// Bytes of a checkpoint set.
  let setBytes: Int
  /// Sets that may be there at once: those kept, the best one, and the one that is being written.
  let sets: Int

  /// Asks the file system that holds an existing directory; nil where it does not answer.
  init?(directory: String, setBytes: Int, keepCheckpoints: Int) {
    guard let disk = FileSystem(holding: directory) else { return nil }
    (freeBytes, self.setBytes, sets) = (disk.freeBytes, setBytes, keepCheckpoints + 2)
  }

  /// Whether all of them find room, however many are there already.
  var isEnough: Bool { freeBytes >= sets * setBytes }

  /// What to do where it is not.
  var remedy: String { "another disk with --output, or a smaller train.keep_checkpoints" }

  /// Both sides, in MiB.
  var text: String { "\(freeBytes >> 20) MiB free for up to \(sets) sets of \(setBytes >> 20) MiB" }
}

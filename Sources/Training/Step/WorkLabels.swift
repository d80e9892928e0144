import Tensors

/// What a step does besides the operations of its plan, as timelines name it.
extension WorkLabel {
  /// Waiting for the next batch.
  static let batch = WorkLabel("batch", pass: "prepare", kind: "wait for data")
  /// Copying the images into the plan's input.
  static let images = WorkLabel("images", pass: "prepare", kind: "copy of images")
  /// Arranging the objects of the batch for the losses.
  static let targets = WorkLabel("targets", pass: "prepare", kind: "targets")
  /// Waiting for what all ranks must agree on before a micro-batch.
  static let agreement = WorkLabel("agreement", pass: "communicate", kind: "agreement")
  /// Adding a micro-batch's gradients to those before it.
  static let accumulation = WorkLabel("gradients", pass: "update", kind: "accumulation")

  /// Moving the parameters of a bucket.
  static func descent(_ bucket: Int) -> WorkLabel { WorkLabel("bucket \(bucket)", pass: "update", kind: descentKind) }
  /// The kind of work that moves parameters.
  static let descentKind = "SGD"
}

import Foundation
import TestSupport
import Testing

/// Oracle: what a user's folders hold; every picture is used, or it is said that it is not.
@Suite(.serialized) struct PictureFolderTests {
  /// Runs a command of the shell, which can spell names of any bytes, in the workspace.
  private func shell(_ space: Workspace, _ script: String) throws {
    let result = try run(["bash", "-ec", script], directory: space.folder.path)
    try #require(result.exitCode == 0, "\(result)")
  }

  @Test("pictures in folders below a class are learned from; what is left out is counted once, with an example")
  func below() throws {
    let space = try Workspace()
    try space.writeClassFolders()
    try shell(
      space,
      """
      cd classes; mkdir -p train/a/more/deep; mv train/a/000003.jpg train/a/more; mv train/a/000004.jpg train/a/more/deep
      cp train/b/000005.jpg train/b/x.webp; cp train/b/000005.jpg train/b/y.TIF; cp train/b/000005.jpg val/lost.jpg
      touch train/readme.txt
      """)
    let result = try space.program(ranks: 2, space.classify("image_folder"))
    #expect(result.exitCode == 0 && result.output.contains("8 training images of 2 classes"), "\(result)")
    let warnings = result.errorLines("warning: ").filter { $0.contains("left out: ") }
    #expect(warnings.count == 2, "\(result)")
    #expect(
      warnings.first?.contains("/classes/train: left out: 2 pictures of other formats than .jpg, .jpeg, .png (such as ")
        == true)
    #expect(warnings.last?.contains("/classes/val: left out: 1 picture beside the class folders (") == true)
    let evaluated = try space.program(
      ranks: 1,
      ["evaluate", "--checkpoint", space.folder.file("run"), "--set", "data.root=\(space.folder.file("classes"))"])
    #expect(evaluated.errorLines("warning: ").count { $0.contains("1 picture beside the class folders") } == 1)
  }

  @Test("names that are not UTF-8 are learned from, evaluated, and shown with the bytes escaped")
  func otherBytes() throws {
    let space = try Workspace()
    try space.writeClassFolders()
    try shell(
      space,
      #"""
      mv classes/train/a/000001.jpg $'classes/train/a/caf\xe9.jpg'
      for split in train val; do mv classes/$split/b $'classes/'$split$'/b\xe9'; done
      mkdir $'d\xe9'; mv classes $'d\xe9/classes'; cp data/val2017/000002.jpg $'caf\xe9.jpg'
      """#)
    // The configuration's words for the folder, the command line's, and the environment's.
    let arguments = try space.classify("image_folder", "--set", "data.max_faults=0")
    let root = "\(space.folder.path)/d\\xe9/classes"
    let spelled = try space.program(ranks: 2, arguments + ["--set", "data.root=\(root)"])
    #expect(spelled.exitCode == 0 && spelled.output.contains("8 training images of 2 classes"), "\(spelled)")
    let state = try String(contentsOfFile: space.folder.file("run/checkpoints/latest/state.json"), encoding: .utf8)
    #expect(state.contains(#"b\\\\xe9"#), "\(state)")
    let doctor = try space.program(ranks: 1, ["doctor"] + arguments + ["--set", "data.root=\(root)"])
    #expect(doctor.exitCode == 0 && doctor.output.contains("4 of each; decoded 8"), "\(doctor)")
    func inShell(_ command: String) throws -> CommandResult {
      try run(
        ["bash", "-c", command, Locations.program], environment: space.trained.environment, directory: space.folder.path
      )
    }
    let given = try inShell(#"exec "$0" evaluate --checkpoint run --set $'data.root=d\xe9/classes'"#)
    #expect(given.exitCode == 0 && given.output.contains("4 validation images"), "\(given)")
    let text = try String(contentsOfFile: space.folder.file("classes.yaml"), encoding: .utf8)
    try space.folder.write(
      text.replacingOccurrences(of: ", root: \(space.folder.file("classes"))", with: ""), to: "bare.yaml")
    let found = try inShell(
      #"DROPBLOCK_DATA=$'d\xe9/classes' exec "$0" --config bare.yaml --output other --dry-run"#)
    #expect(found.exitCode == 0 && found.output.contains("8 training images of 2 classes"), "\(found)")

    try shell(space, #": > $'d\xe9/classes/train/a/caf\xe9.jpg'"#)
    let broken = try space.program(
      ranks: 1, arguments + ["--set", "data.root=\(root)", "--resume", "never", "--set", "train.length=1 epoch"])
    broken.expectError(65, ["/d\\xe9/classes/train/a/caf\\xe9.jpg"])

    func predict(_ arguments: String) throws -> CommandResult {
      try inShell("exec \"$0\" predict --checkpoint \"\(space.trained.run)\" \(arguments)")
    }
    let drawn = try predict(#"--output "$PWD/found" $'caf\xe9.jpg'"#)
    #expect(drawn.exitCode == 0 && drawn.output.contains("caf\\xe9.jpg: "), "\(drawn)")
    #expect(FileManager.default.fileExists(atPath: space.folder.file("found/caf\\xe9.png")))
    try predict(#"--output $'f\xe9' caf.jpg"#).expectError(64, ["--output: expected text in UTF-8, got f\\xe9"])
    let placed = try inShell(#"cd $'d\xe9'; exec "$0" --dry-run"#)
    placed.expectError(64, ["/d\\xe9: expected a working directory with a name in UTF-8"])
    let detector = try inShell(#"exec "$0" --set data.kind=coco --set $'data.root=d\xe9' --output other"#)
    detector.expectError(
      78, ["/d\\xe9/annotations/instances_train2017.json: expected a path in UTF-8 for a detector's data"])
  }
}

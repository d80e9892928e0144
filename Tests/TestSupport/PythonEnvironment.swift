import Foundation

/// A Python interpreter with packages of its own, for comparisons with other programs.
///
/// It lies beside the test bundle, is made by the first test that wants it, and stays there.
public struct PythonEnvironment: Sendable {
  /// What `Tests/Goldens/check_onnx.py` needs: onnx and onnxruntime.
  public static let onnx = Result { try PythonEnvironment(requirements: "onnx-requirements.txt") }

  /// What `Tests/Goldens/check_results.py` needs: pycocotools.
  public static let coco = Result { try PythonEnvironment(requirements: "coco-requirements.txt") }

  /// Why tests with onnxruntime are left out.
  public static let onnxReason = "onnxruntime could not be installed: this needs python3 with venv, and PyPI"

  /// Why tests with pycocotools are left out.
  public static let cocoReason = "pycocotools could not be installed: this needs python3 with venv, and PyPI"

  /// Whether tests with onnxruntime run: where it can be had, and in CI, where they fail without it.
  public static let runsONNX = isCI || (try? onnx.get()) != nil

  /// Whether tests with pycocotools run, by the same rule.
  public static let runsCOCO = isCI || (try? coco.get()) != nil

  private static let isCI = ProcessInfo.processInfo.environment["CI"] == "true"

  private let interpreter: String

  /// Installs what a file of `Tests/Goldens` lists, unless that is done.
  private init(requirements file: String) throws {
    let list = "\(Locations.packageRoot)/Tests/Goldens/\(file)"
    let folder = URL(fileURLWithPath: Locations.program).deletingLastPathComponent().path + "/python-\(file)"
    interpreter = "\(folder)/bin/python"
    // The list that is installed, there once everything is.
    let installed = "\(folder)/installed.txt"
    if FileManager.default.contentsEqual(atPath: list, andPath: installed) { return }
    for command in [
      ["python3", "-m", "venv", "--clear", folder],
      [interpreter, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--requirement", list],
      ["cp", list, installed],
    ] {
      let result = try TestSupport.run(command)
      if result.exitCode != 0 { throw CannotStart(description: "\(result)") }
    }
  }

  /// Runs a script of `Tests/Goldens` with arguments.
  public func run(script: String, _ arguments: [String]) throws -> CommandResult {
    try TestSupport.run(
      [interpreter, "\(Locations.packageRoot)/Tests/Goldens/\(script)"] + arguments,
      environment: ["PYTHONDONTWRITEBYTECODE": "1"])
  }
}

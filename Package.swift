// swift-tools-version: 6.0
import Foundation
import PackageDescription

/// The instruction set that the hot loops are compiled for.
///
/// Swift's default is SSE2; `native` is the machine that
/// builds. Set `DROPBLOCK_MARCH` (for example to `x86-64-v3`) for a binary that moves between machines.
let march = ProcessInfo.processInfo.environment["DROPBLOCK_MARCH"] ?? "native"

/// The commit that `--version` names; the scripts in `launch/` set it, a plain build does not know it.
///
/// SwiftPM's own `Context.gitInformation` is cached with this manifest and goes stale with the next commit.
let commit = ProcessInfo.processInfo.environment["DROPBLOCK_COMMIT"] ?? "unknown"

/// libspng, or its calls on libpng where the system has no libspng (RHEL) or `DROPBLOCK_PNG` is `libpng`.
let hasSPNG =
  ProcessInfo.processInfo.environment["DROPBLOCK_PNG"] != "libpng"
  && FileManager.default.fileExists(atPath: "/usr/include/spng.h")
let pngLibrary: Target =
  hasSPNG
  ? .systemLibrary(name: "CSPNG", pkgConfig: "spng", providers: [.apt(["libspng-dev"])])
  : .target(name: "CSPNG", path: "Sources/CSPNGOnLibpng", linkerSettings: [.linkedLibrary("png")])

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .unsafeFlags(["-warnings-as-errors", "-Xcc", "-march=\(march)"]),
]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// A library target of this package; imports point only to what is listed.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of a target, with the helpers in `TestSupport`.
func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies, exclude: exclude,
    swiftSettings: settings)
}

/// The readers of files from outside, over the corpora of `Tests/Fuzzing`.
///
/// As a test they read every file once. `Tests/Fuzzing/run` sets `DROPBLOCK_FUZZING` and gets the same readers as a
/// libFuzzer program instead, which brings its own main function and needs a sanitizer's runtime to link.
func fuzzing(_ dependencies: [Target.Dependency]) -> Target {
  let (directory, extra) = ("Tests/Fuzzing", ["Corpus", "Dictionaries", "run"])
  if ProcessInfo.processInfo.environment["DROPBLOCK_FUZZING"] == nil {
    return .testTarget(
      name: "FuzzTests", dependencies: dependencies, path: directory, exclude: extra + ["Program"],
      swiftSettings: settings)
  }
  return .executableTarget(
    name: "fuzz", dependencies: dependencies, path: directory, exclude: extra + ["Tests"],
    swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "dropblock-dist",
  products: [.executable(name: "dropblock-dist", targets: ["dropblock-dist"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
  ],
  targets: [
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "COpenMP"),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CLanes"),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    pngLibrary,
    .systemLibrary(name: "CFreeType", pkgConfig: "freetype2", providers: [.apt(["libfreetype-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
    .target(
      name: "CSimdJSON", cxxSettings: [.unsafeFlags(["-std=c++17", "-O3"])],
      linkerSettings: [.linkedLibrary("simdjson")]),
    .target(name: "CBuildInformation", cSettings: [.define("DROPBLOCK_COMMIT", to: "\"\(commit)\"")]),
    library("Tensors", ["COpenMP"]),
    library("Regularization", ["Tensors"]),
    library("ONNX", ["Tensors"]),
    library("Graph", ["Tensors", "Regularization", "ONNX", "COneDNN", "CLanes"]),
    library("Models", ["Tensors", "Regularization", "Graph"]),
    library("Detection", ["Tensors"]),
    library("Segmentation", ["Tensors"]),
    library("Datasets", ["Tensors", "Detection", "CTurboJPEG", "CSPNG", "CFreeType", "CZlib", "CLZMA", "CSimdJSON"]),
    library("Distributed", ["Tensors", "COpenMPI", "CLanes", "CSodium"]),
    library("Checkpoints", ["Tensors", "CLinux"]),
    library("Reporting", ["Tensors", mustache]),
    library(
      "Training",
      [
        "Tensors", "Regularization", "ONNX", "Graph", "Models", "Detection", "Segmentation", "Datasets", "Distributed",
        "Checkpoints", "Reporting", "CBuildInformation", "CLinux", yams,
      ]),
    .executableTarget(
      name: "dropblock-dist", dependencies: ["Training", argumentParser], swiftSettings: settings),
    .target(name: "Documentation", swiftSettings: settings),
    .executableTarget(
      name: "launcher", path: "Sources/Launcher",
      cSettings: [.unsafeFlags(["-march=x86-64", "-O2", "-Wall", "-Werror"])]),
    .target(
      name: "TestSupport", dependencies: ["Tensors", "Checkpoints"], path: "Tests/TestSupport",
      swiftSettings: settings),
    tests("Tensors"),
    tests("Regularization", ["Tensors"]),
    tests("ONNX", ["Tensors"]),
    tests("Graph", ["Tensors", "Regularization", "ONNX"]),
    tests("Detection", ["Tensors"], exclude: ["Resources"]),
    tests("Segmentation"),
    tests("Datasets", ["Detection", "Tensors", "CSimdJSON"]),
    tests("Checkpoints"),
    tests("Reporting"),
    tests(
      "Training",
      [
        "Tensors", "Regularization", "ONNX", "Graph", "Models", "Detection", "Segmentation", "Datasets", "Checkpoints",
        "Distributed", "Reporting",
      ]),
    tests("Models", ["Graph", "Tensors", "Regularization", "Detection", "Checkpoints"]),
    .testTarget(
      name: "RankTests",
      dependencies: ["Datasets", "Distributed", "Training", "Graph", "Detection", "Tensors", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "CommandTests", dependencies: ["TestSupport", "Checkpoints", "Datasets"], swiftSettings: settings),
    fuzzing(["Checkpoints", "Datasets", "Detection", "Training", "Tensors", "CSPNG", "TestSupport"]),
  ]
)

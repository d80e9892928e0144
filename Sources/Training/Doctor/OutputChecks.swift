import Checkpoints
import Datasets
import Foundation
import Tensors

extension RunCheck {
  /// What `doctor` looks at where a run writes, before it opens data: the run directory and each host's cache.
  static func output(_ survey: RunSurvey) -> [RunCheck] {
    [
      RunCheck("output") { context in
        guard context.communicator.rank == 0 else { return [] }
        let directory = try survey.directory
        let path = directory.path
        let made = firstMissing(path)
        defer { made.map { removeEmpty(path, from: $0) } }
        try directory.create()
        let rate = try writeRate(in: path, bytes: 64 << 20)
        survey.writeRate = rate
        let type = FileSystem(holding: path).map { ", \($0.type)" } ?? ""
        return [.ok("\(path)\(type), \(NumberText.significant(rate / 1e6)) MB/s")]
      },
      RunCheck("cache") { context in
        guard context.isFirstOfHost else { return [] }
        let path = CacheDirectory.path()
        try CacheDirectory.create(path)
        try requireWritable("\(path)/doctor")
        let disk = FileSystem(holding: path)
        let text = "\(path)\(disk.map { ", \($0.type), \($0.freeBytes >> 20) MiB free" } ?? "")"
        guard disk?.isShared == true else { return [.ok(text, on: context.host)] }
        return [
          .warning(
            "\(text): every rank maps its files over the network",
            remedy: "export DROPBLOCK_CACHE=/tmp/dropblock-cache", on: context.host)
        ]
      },
    ]
  }

  /// What `doctor` looks at once the data is known: memory, the room for checkpoints, and what the run starts from.
  static func capacity(_ survey: RunSurvey) -> [RunCheck] {
    [
      RunCheck("memory") { context in
        guard let need = try survey.makePlan(), context.isFirstOfHost else { return [] }
        let (memory, ranks) = (HostMemory(), context.facts.localRanks)
        let text =
          "\(ranks) x \(need >> 20) MiB needed at least, \(memory.available >> 20) MiB free of \(memory.limit >> 20)"
        let remedy = context.configuration.smallerShares + ", or --set precision=bf16"
        if need * ranks > memory.limit { return [.problem(.badConfiguration, text, remedy: remedy, on: context.host)] }
        if need * ranks > memory.available { return [.warning(text, remedy: remedy, on: context.host)] }
        return [.ok(text, on: context.host)]
      },
      RunCheck("checkpoints") { context in
        guard context.communicator.rank == 0, let size = survey.checkpointBytes, let path = try? survey.directory.path,
          let room = CheckpointRoom(
            directory: existingPart(of: path), setBytes: size,
            keepCheckpoints: context.configuration.train.keepCheckpoints)
        else { return [] }
        if room.freeBytes < size { return [.problem(.cannotWrite, room.text, remedy: room.remedy)] }
        var findings: [Finding] = room.isEnough ? [] : [.warning(room.text, remedy: room.remedy)]
        let seconds = survey.writeRate.map { Double(size) / $0 } ?? 0
        let pause = "each takes \(NumberText.significant(seconds)) s to write"
        if seconds > 30 {
          findings.append(
            .warning("slow disk: \(pause)", remedy: "a faster one with --output, or a longer train.checkpoint_every"))
        }
        return findings.isEmpty ? [.ok("\(room.text); \(pause)")] : findings
      },
      RunCheck("start") { context in
        guard let directory = try? survey.directory else { return [] }
        let checkpoints = RunCheckpoints(
          directory: directory, claim: nil, communicator: context.communicator, configuration: context.configuration,
          output: RunOutput(.stop, console: Console(style: .silent)))
        var findings: [Finding] = []
        let start = try checkpoints.find(.automatic) { findings.append(.warning($0)) }
        if let saved = start.classes, let classes = survey.classes {
          try saved.requireAll(classes.list.names, in: classes.place)
        }
        if let plan = survey.plan {
          try checkpoints.restore(
            start, into: plan, configuration: context.configuration, classes: survey.classes?.list
          ) { findings.append(.ok($0)) }
        }
        if context.communicator.rank != 0 { return [] }
        let plan = start.step == 0 ? "a run would start anew" : "a run would go on after step \(start.step)"
        return findings + [.ok(plan)]
      },
    ]
  }
}

extension Configuration {
  /// What makes a rank need less memory: a global batch is cut into passes, which leaves the update as it is.
  fileprivate var smallerShares: String {
    switch (reproducible, batch.perRank) {
    case (.acrossRanks, _): "fewer ranks a host, a smaller batch.per_shard"
    case (.sameRanks, nil): "more hosts, a larger batch.accumulate"
    case (.sameRanks, _): "fewer ranks a host, a smaller batch.per_rank"
    }
  }
}

/// The first directory on the way to a path that is not there, nil when all are.
private func firstMissing(_ path: String) -> String? {
  var part = ""
  for name in path.split(separator: "/") {
    part += "/\(name)"
    if access(part, F_OK) != 0 { return part }
  }
  return nil
}

/// The longest part of a path that is there.
private func existingPart(of path: String) -> String {
  guard let missing = firstMissing(path) else { return path }
  let parent = ConfigurationPath.directory(of: missing)
  return parent.isEmpty ? "/" : parent
}

/// Removes the empty directories from a path up to one of its parts.
private func removeEmpty(_ path: String, from first: String) {
  var part = path
  while part.count >= first.count, rmdir(part) == 0 { part = ConfigurationPath.directory(of: part) }
}

/// Bytes a second that a directory's disk takes, flushed; the file is removed.
///
/// Throws 73 when it cannot be written.
private func writeRate(in directory: String, bytes: Int) throws -> Double {
  let path = temporaryName(beside: "\(directory)/.write-rate")
  let descriptor: Int32
  do throws(WritingFailure) {
    descriptor = try createFile(path)
  } catch {
    throw InputError.cannotWrite(path, error)
  }
  defer {
    close(descriptor)
    unlink(path)
  }
  let block = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 0x9E37_79B1 >> 13) }
  let start = monotonicSeconds()
  var written = 0
  // Ten seconds say enough about a slow one.
  while written < bytes && (written == 0 || monotonicSeconds() - start < 10) {
    let count = write(descriptor, block, block.count)
    if count < 0 && errno == EINTR { continue }
    if count <= 0 { throw InputError.cannotWrite(path, "write", errno) }
    written += count
  }
  if fsync(descriptor) != 0 { throw InputError.cannotWrite(path, "flush", errno) }
  return Double(written) / max(1e-6, monotonicSeconds() - start)
}

import Foundation
import Glibc
import Tensors

/// Where generated pictures, annotation indexes and plans are kept between runs.
public enum CacheDirectory {
  /// `$DROPBLOCK_CACHE`, else `$XDG_CACHE_HOME/dropblock-dist`, else `dropblock-dist-UID` in the temporary directory.
  public static func path(environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
    if let path = environment["DROPBLOCK_CACHE"], !path.isEmpty { return path }
    if let path = environment["XDG_CACHE_HOME"], !path.isEmpty { return path + "/dropblock-dist" }
    let temporary = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    return "\(temporary)/dropblock-dist-\(getuid())"
  }

  /// What to do where nothing can be written into it.
  static let remedy = "set DROPBLOCK_CACHE to a place that can be written"

  /// Creates a directory that this user alone may enter, with its parents, unless it is there.
  ///
  /// Throws exit code 73 when it cannot, and where `requireTrusted` does.
  public static func create(_ path: String) throws {
    let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
    try? FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    if mkdir(path, 0o700) != 0 && errno != EEXIST {
      throw InputError(
        .cannotWrite, "\(path): the cache directory cannot be created: \(systemMessage()); \(remedy)")
    }
    try requireTrusted(path)
  }

  /// Throws exit code 73 where others could have planted what is in a directory; one that is not there is fine.
  ///
  /// The default place has a name that everybody knows, in a directory where everybody may write. So the directory must
  /// be this user's (or root's), closed to writing by others, and no link of somebody else. The group may write where it is
  /// its owner's private one, which Debian 13, Ubuntu and Fedora make for every user and let write by default.
  public static func requireTrusted(_ path: String) throws {
    let advice = "set DROPBLOCK_CACHE to a directory of yours, or to one that is not there yet"
    var (entry, status) = (stat(), stat())
    if lstat(path, &entry) != 0 { return }
    if entry.st_mode & S_IFMT == S_IFLNK && (isForeign(entry) || isOpenToAll(parentOf: path)) {
      throw InputError(
        .cannotWrite, "\(path): the cache directory is a symbolic link that somebody else could have made; \(advice)")
    }
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw InputError(.cannotWrite, "\(path): expected a directory for the cache; \(advice)")
    }
    if isForeign(status) {
      throw InputError(
        .cannotWrite,
        "\(path): the cache directory belongs to user \(status.st_uid), expected user \(geteuid()), who runs this, or "
          + "root: its owner could plant files in it; \(advice)")
    }
    if isWritableByOthers(status) {
      throw InputError(
        .cannotWrite,
        "\(path): others may write into the cache directory (mode \(String(status.st_mode & 0o7777, radix: 8))) and plant "
          + "files in it; run chmod go-w \(path) if you trust what is in it, or \(advice)")
    }
  }

  private static func isForeign(_ status: stat) -> Bool { status.st_uid != geteuid() && status.st_uid != 0 }

  private static func isWritableByOthers(_ status: stat) -> Bool {
    if status.st_mode & S_IWOTH != 0 { return true }
    return status.st_mode & S_IWGRP != 0 && !isPrivate(group: status.st_gid, of: status.st_uid)
  }

  /// Whether a group has its user's name and no other member.
  private static func isPrivate(group: gid_t, of user: uid_t) -> Bool {
    var (owner, owners) = (passwd(), UnsafeMutablePointer<passwd>?.none)
    var (entry, entries) = (Glibc.group(), UnsafeMutablePointer<Glibc.group>?.none)
    var (ownerText, entryText) = ([CChar](repeating: 0, count: 1 << 14), [CChar](repeating: 0, count: 1 << 16))
    guard getpwuid_r(user, &owner, &ownerText, ownerText.count, &owners) == 0, owners != nil,
      getgrgid_r(group, &entry, &entryText, entryText.count, &entries) == 0, entries != nil,
      strcmp(owner.pw_name, entry.gr_name) == 0
    else { return false }
    var member = entry.gr_mem
    while let name = member?.pointee {
      if strcmp(name, owner.pw_name) != 0 { return false }
      member = member?.successor()
    }
    return true
  }

  private static func isOpenToAll(parentOf path: String) -> Bool {
    var status = stat()
    return stat(URL(fileURLWithPath: path).deletingLastPathComponent().path, &status) != 0 || isWritableByOthers(status)
  }
}

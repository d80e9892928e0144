/// The candidate with the fewest edits from `name`, when that is close enough to be a slip of the fingers.
///
/// An edit is an insertion, a deletion, a substitution or a swap of neighbours. At most a third of the letters, and at
/// least two edits, may differ; of equals the first wins.
func nearestName(to name: String, among candidates: [String]) -> String? {
  let allowed = max(2, name.count / 3)
  var best: (name: String, edits: Int)?
  for candidate in candidates where abs(candidate.utf8.count - name.utf8.count) <= allowed {
    let edits = editDistance(name, candidate)
    if edits <= allowed && edits < (best?.edits ?? .max) && edits < candidate.count { best = (candidate, edits) }
  }
  return best?.name
}

/// The number of insertions, deletions, substitutions and swaps of neighbours between two words.
func editDistance(_ first: String, _ second: String) -> Int {
  let (a, b) = (Array(first.utf8), Array(second.utf8))
  var rows = [Array(0...b.count)]
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var edits = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, rows[i - 1][j - 1] + 1) }
      row.append(edits)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}

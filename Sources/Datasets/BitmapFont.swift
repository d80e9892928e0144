/// Letters of 5x7 dots for labels in pictures: capitals, digits and common signs.
///
/// Each glyph is seven rows from top to bottom, each row one digit of base 32 (0...9, A...V) whose highest bit is the
/// leftmost dot.
enum BitmapFont {
  static let glyphWidth = 5
  static let glyphHeight = 7

  /// The seven rows of a character, five bits each; small letters look like capitals, unknown characters like a frame.
  static func rows(of character: Character) -> [UInt8] {
    let code = glyphs[Character(character.uppercased())] ?? "VHHHHHV"
    return code.utf8.map { digit in digit <= 57 ? digit - 48 : digit - 55 }
  }

  private static let glyphs: [Character: String] = [
    "A": "EHHVHHH", "B": "UHHUHHU", "C": "EHGGGHE", "D": "SIHHHIS", "E": "VGGUGGV", "F": "VGGUGGG", "G": "EHGNHHF",
    "H": "HHHVHHH", "I": "E44444E", "J": "72222IC", "K": "HIKOKIH", "L": "GGGGGGV", "M": "HRLLHHH", "N": "HHPLJHH",
    "O": "EHHHHHE", "P": "UHHUGGG", "Q": "EHHHLID", "R": "UHHUKIH", "S": "FGGE11U", "T": "V444444", "U": "HHHHHHE",
    "V": "HHHHHA4", "W": "HHHLLLA", "X": "HHA4AHH", "Y": "HHHA444", "Z": "V1248GV", "0": "EHJLPHE", "1": "4C4444E",
    "2": "EH1248V", "3": "V2421HE", "4": "26AIV22", "5": "VGU11HE", "6": "68GUHHE", "7": "V124888", "8": "EHHEHHE",
    "9": "EHHF12C", " ": "0000000", ".": "00000CC", ",": "0000C48", ":": "0CC0CC0", "-": "000V000", "_": "000000V",
    "/": "01248G0", "(": "2488842", ")": "8422248", "%": "OP248J3", "+": "044V440", "'": "4480000", "&": "CIK8LID",
    "!": "4444404", "?": "EH12404", "#": "AAVAVAA", "=": "00V0V00",
  ]
}

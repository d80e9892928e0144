import Foundation
import Testing

@testable import Datasets

/// Oracles: WCAG 2.1's closed forms; how people with one kind of cone missing see colours, by Machado, Oliveira and Fernandes
/// (2009), and CIE's distance between colours of 1976.
@Suite struct ClassColorTests {
  private let all = (0..<ClassColors.count).map { ClassColors.color($0) }

  @Test("contrast is WCAG's: 21 between black and white, 4.48 of its well-known grey on white")
  func contrast() {
    #expect(abs(PictureColor.black.contrast(with: .white) - 21) < 1e-9)
    #expect(abs(PictureColor(119, 119, 119).contrast(with: .white) - 4.48) < 0.005)
    #expect(abs(PictureColor(255, 0, 0).relativeLuminance - 0.2126) < 1e-9)
    #expect(PictureColor.white.contrast(with: .white) == 1)
  }

  @Test("letters on every plate have a contrast of 4.5 at least, as on any colour")
  func ink() {
    for color in all + [.grey] { #expect(color.contrast(with: color.ink) >= 4.5, "\(color)") }
    for red in stride(from: UInt8(0), through: 250, by: 10) {
      for green in stride(from: UInt8(0), through: 250, by: 10) {
        let color = PictureColor(red, green, 128)
        #expect(color.contrast(with: color.ink) >= 21.squareRoot() - 1e-9, "\(color)")
      }
    }
  }

  @Test("numbers have colours of their own up to 21, then begin anew, and any number has one")
  func numbers() {
    #expect(Set(all).count == 21 && all[0] == PictureColor(230, 159, 0))
    #expect(ClassColors.color(21) == all[0] && ClassColors.color(-1) == all[20] && ClassColors.color(.min) != .black)
  }

  @Test("people of any colour vision can tell the classes' colours apart")
  func vision() {
    let visions: [(name: String, matrix: [SIMD3<Double>])] = [
      ("all cones", [SIMD3(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)]),
      (
        "protanopia",
        [
          SIMD3(0.152286, 1.052583, -0.204868), SIMD3(0.114503, 0.786281, 0.099216),
          SIMD3(-0.003882, -0.048116, 1.051998),
        ]
      ),
      (
        "deuteranopia",
        [
          SIMD3(0.367322, 0.860646, -0.227968), SIMD3(0.280085, 0.672501, 0.047413),
          SIMD3(-0.011820, 0.042940, 0.968881),
        ]
      ),
      (
        "tritanopia",
        [
          SIMD3(1.255528, -0.076749, -0.178779), SIMD3(-0.078411, 0.930809, 0.147602),
          SIMD3(0.004733, 0.691367, 0.303900),
        ]
      ),
    ]
    for (name, matrix) in visions {
      let seen = all.map { lab($0, matrix) }
      func least(_ count: Int) -> Double {
        (0..<count).flatMap { first in
          (0..<first).map { second in
            let difference = seen[first] - seen[second]
            return (difference * difference).sum().squareRoot()
          }
        }.min() ?? 0
      }
      // 2.3 is a just noticeable difference.
      #expect(least(ClassColors.hues.count) > 15, "\(name): \(least(7))")
      #expect(least(all.count) > 5, "\(name): \(least(21))")
    }
  }

  /// CIE L*a*b* of what a vision makes of a colour.
  private func lab(_ color: PictureColor, _ matrix: [SIMD3<Double>]) -> SIMD3<Double> {
    let linear = SIMD3(
      [color.red, color.green, color.blue].map { channel -> Double in
        let value = Double(channel) / 255
        return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
      })
    let seen = SIMD3(matrix.map { min(1, max(0, ($0 * linear).sum())) })
    func cube(_ value: Double) -> Double {
      value > 216.0 / 24389 ? cbrt(value) : (24389.0 / 27 * value + 16) / 116
    }
    let x = cube((SIMD3(0.4124564, 0.3575761, 0.1804375) * seen).sum() / 0.95047)
    let y = cube((SIMD3(0.2126729, 0.7151522, 0.0721750) * seen).sum())
    let z = cube((SIMD3(0.0193339, 0.1191920, 0.9503041) * seen).sum() / 1.08883)
    return SIMD3(116 * y - 16, 500 * (x - y), 200 * (y - z))
  }
}

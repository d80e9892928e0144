import Glibc

extension Float {
  /// The natural logarithm, of libm.
  public static func log(_ x: Float) -> Float { Glibc.logf(x) }
  /// The cosine of an angle in radians, of libm.
  public static func cosine(_ x: Float) -> Float { Glibc.cosf(x) }
}

import Tensors
import Testing

@testable import Training

/// Oracle: no two files of an output directory have one name.
@Suite struct PictureNameTests {
  @Test("names stay as they are until one is another's, or that of another's mask")
  func names() {
    func names(_ paths: [String]) -> [String] { paths.map { FilePath($0) }.pictureNames }
    #expect(names(["x/a.jpg", "b.png"]) == ["a", "b"])
    #expect(names(["x/a.jpg", "y/a.png"]) == ["1-a", "2-a"])
    #expect(names(["a.jpg", "a-classes.jpg"]) == ["1-a", "2-a-classes"])
    #expect(names(["a-classes.jpg", "b.jpg"]) == ["a-classes", "b"])
  }
}

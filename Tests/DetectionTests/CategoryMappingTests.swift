import Detection
import Tensors
import Testing

@Suite struct CategoryMappingTests {
  /// COCO's 80 ids: 1 to 90 without ten of them.
  private let coco = (1...90).filter { ![12, 26, 29, 30, 45, 66, 68, 69, 71, 83].contains($0) }

  @Test("the paper's form numbers categories by sorted id")
  func sortedRank() throws {
    let mapping = try CategoryMapping(form: .paper, categoryIDs: [7, 3, 20])
    #expect(mapping.classCount == 3)
    #expect([3, 7, 20].map { mapping.classIndex(ofCategory: $0) } == [0, 1, 2])
    #expect((0..<3).map { mapping.categoryID(ofClass: $0) } == [3, 7, 20])
    #expect(mapping.classIndex(ofCategory: 4) == nil)
  }

  @Test("the paper's form with 90 classes numbers COCO by id - 1, as the official code")
  func ninetyClasses() throws {
    let mapping = try CategoryMapping(form: .paper, categoryIDs: coco, classCount: 90)
    #expect(mapping.classCount == 90)
    #expect(mapping.classIndex(ofCategory: 1) == 0)
    #expect(mapping.classIndex(ofCategory: 90) == 89)
    #expect(mapping.categoryID(ofClass: 11) == nil)
  }

  @Test("torchvision's form uses the raw id: 91 classes for COCO, class 0 unused")
  func rawIDs() throws {
    let mapping = try CategoryMapping(form: .torchvision, categoryIDs: coco)
    #expect(mapping.classCount == 91)
    #expect(mapping.classIndex(ofCategory: 90) == 90)
    #expect(mapping.categoryID(ofClass: 0) == nil)
    #expect(mapping.categoryID(ofClass: 91) == nil)
  }

  @Test("an id beyond the classes is a configuration error that names it")
  func idBeyondClasses() {
    let error = #expect(throws: InputError.self) {
      _ = try CategoryMapping(form: .torchvision, categoryIDs: [1, 200], classCount: 91)
    }
    #expect(error?.exitCode == .badConfiguration)
    #expect(error?.description.contains("200") == true)
  }
}

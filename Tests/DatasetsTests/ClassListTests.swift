import Testing

@testable import Datasets

/// Oracle: by hand.
struct ClassListTests {
  @Test("a list is its JSON text and back, with identifiers and with numbers that stand for nothing")
  func json() {
    let list = ClassList([nil, .init(name: "red \"1\"/é", id: 7), nil, .init(name: "b"), nil])
    #expect(list.json == #"[null,{"id":7,"name":"red \"1\"/é"},null,{"name":"b"}]"#)
    #expect(ClassList(json: list.json) == list && list.names == ["red \"1\"/é", "b"] && list[3]?.name == "b")
    #expect(list[4] == nil && list[-1] == nil && list.name(0) == "class 0" && list.prefix(3).entries.count == 2)
    #expect(ClassList(json: "[]") == ClassList(names: []))
    for text in ["", "80", #"{"0":"a"}"#, #"["a","b"]"#, #"[{"id":1}]"#, #"[{"name":"a"},{"name":"a"}]"#] {
      #expect(ClassList(json: text) == nil, "\(text)")
    }
  }

  @Test("the same names at the same numbers are the same classes, whatever their identifiers")
  func same() {
    let list = ClassList([.init(name: "a", id: 1), .init(name: "b", id: 2)])
    #expect(list.hasSameNames(as: ClassList(names: ["a", "b"])))
    #expect(!list.hasSameNames(as: ClassList(names: ["b", "a"])) && !list.hasSameNames(as: ClassList(names: ["a"])))
    #expect(!list.hasSameNames(as: ClassList([.init(name: "a"), nil, .init(name: "b")])))
  }

  @Test("long lists end early in messages, and what evaluated data lack is named")
  func words() {
    let names = (0..<103).map { "n\($0)" }
    #expect(ExpectedClasses.text(names).hasSuffix("n99, and 3 more"))
    #expect(ExpectedClasses.remark(missing: [], of: 3) == "")
    #expect(ExpectedClasses.remark(missing: ["x"], of: 3) == " of 2 of the 3 classes (none of x)")
    #expect(
      ExpectedClasses.remark(missing: Array(names.prefix(7)), of: 9)
        == " of 2 of the 9 classes (none of n0, n1, n2, n3, n4, and 2 more)")
  }
}

import Foundation
import Mustache
import Tensors

extension ReportPage {
  /// The page as text.
  public var html: String {
    let context: [String: Any] = [
      "title": shown(title), "subtitle": shown(subtitle), "style": PageTemplates.style,
      "tiles": tiles.map { ["label": shown($0.label), "value": shown($0.value), "note": shown($0.note)] },
      "sections": sections.enumerated().map { place, section in
        ["id": "section-\(place + 1)", "title": shown(section.title), "blocks": section.blocks.map(\.context)]
          as [String: Any]
      },
    ]
    guard let text = PageTemplates.library.render(context, withTemplate: "page") else {
      fatalError("the page's template is not there")
    }
    return text
  }
}

extension ReportPage.Block {
  /// What the templates know of a part: the entry of its kind, and that it is none of the others.
  ///
  /// Names that are not here would be looked for in what surrounds the part.
  fileprivate var context: [String: Any] {
    let others = ["text", "lines", "table", "charts", "pictures", "details"].map { ($0, false as Any) }
    return Dictionary(uniqueKeysWithValues: others).merging(entry) { $1 }
  }

  private var entry: [String: Any] {
    switch self {
    case .text(let text): ["text": shown(text)]
    case .lines(let text): ["lines": shownLines(text)]
    case .table(let table): ["table": table.context]
    case .charts(let charts): ["charts": ["list": charts.filter { !$0.isEmpty }.map(\.context)]]
    case .pictures(let pictures, let size):
      ["pictures": ["list": pictures.map(\.context), "size": size.rawValue] as [String: Any]]
    case .details(let summary, let blocks):
      ["details": ["summary": shown(summary), "blocks": blocks.map(\.context)] as [String: Any]]
    }
  }
}

extension Table {
  fileprivate var context: [String: Any] {
    [
      "caption": shown(title), "hasHead": columns.contains { !$0.isEmpty }, "columns": columns.map { shown($0) },
      "rows": rows.map { ["cells": $0.map(\.context)] },
    ]
  }
}

extension Table.Cell {
  fileprivate var context: [String: Any] {
    var context: [String: Any] = ["text": shown(text), "isNumber": value != nil]
    if let value { context["number"] = ["value": value, "digits": text] }
    if let bar { context["bar"] = NumberText.fixed(bar * 100, 1) }
    if let shade { context["shade"] = NumberText.fixed(shade * 100, 0) }
    return context
  }
}

extension LineChart {
  fileprivate var context: [String: Any] {
    [
      "title": shown(title), "svg": svg,
      "legend": curves.count < 2
        ? [] : curves.enumerated().map { ["color": "c\($0 % Self.colorCount)", "name": shown($1.name)] },
    ]
  }
}

extension ReportPage.Picture {
  fileprivate var context: [String: Any] {
    ["source": "data:\(type);base64,\(Data(file).base64EncodedString())", "caption": shown(caption)]
  }
}

import Mustache

/// The shape and the look of a page.
enum PageTemplates {
  /// The templates by their names; they are part of the program and known to be well formed.
  static let library: MustacheLibrary = {
    do {
      return MustacheLibrary(
        templates: try ["page": page, "blocks": blocks, "table": table, "charts": charts, "pictures": pictures]
          .mapValues { try MustacheTemplate(string: $0) })
    } catch {
      fatalError("a template of the page is not well formed: \(error)")
    }
  }()

  private static let page = """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{{title}}</title>
    <style>
    {{{style}}}
    </style>
    </head>
    <body>
    <header>
    <h1>{{title}}</h1>
    <p>{{subtitle}}</p>
    <div class="tiles">
    {{#tiles}}
    <div class="tile"><span>{{label}}</span><strong>{{value}}</strong><small>{{note}}</small></div>
    {{/tiles}}
    </div>
    </header>
    <nav>
    {{#sections}}
    <a href="#{{id}}">{{title}}</a>
    {{/sections}}
    </nav>
    <main>
    {{#sections}}
    <section id="{{id}}">
    <h2>{{title}}</h2>
    {{> blocks}}
    </section>
    {{/sections}}
    </main>
    </body>
    </html>

    """

  private static let blocks = """
    {{#blocks}}
    {{#text}}<p>{{.}}</p>
    {{/text}}
    {{#lines}}<pre>{{.}}</pre>
    {{/lines}}
    {{#table}}{{> table}}{{/table}}
    {{#charts}}{{> charts}}{{/charts}}
    {{#pictures}}{{> pictures}}{{/pictures}}
    {{#details}}<details><summary>{{summary}}</summary>
    {{> blocks}}
    </details>
    {{/details}}
    {{/blocks}}
    """

  private static let table = """
    <div class="scroll"><table>
    {{#caption}}<caption>{{.}}</caption>{{/caption}}
    {{#hasHead}}<thead><tr>{{#columns}}<th>{{.}}</th>{{/columns}}</tr></thead>{{/hasHead}}
    <tbody>
    {{#rows}}
    <tr>{{#cells}}<td{{#isNumber}} class="number"{{/isNumber}}{{#bar}} style="--bar:{{.}}%"{{/bar}}{{#shade}} style="--shade:{{.}}%"{{/shade}}>{{#number}}<data value="{{value}}">{{digits}}</data>{{/number}}{{^number}}{{text}}{{/number}}</td>{{/cells}}</tr>
    {{/rows}}
    </tbody>
    </table></div>
    """

  private static let charts = """
    <div class="charts">
    {{#list}}
    <figure><figcaption>{{title}}</figcaption>
    {{{svg}}}
    <ul class="legend">{{#legend}}<li class="{{color}}">{{name}}</li>{{/legend}}</ul></figure>
    {{/list}}
    </div>
    """

  private static let pictures = """
    <div class="pictures {{size}}">
    {{#list}}
    <figure><img src="{{source}}" alt="{{caption}}"><figcaption>{{caption}}</figcaption></figure>
    {{/list}}
    </div>
    """

  /// Colours of curves that are told apart also without red or green (Okabe and Ito, 2008), lighter on dark ground.
  static let style = """
    :root { --ground: #ffffff; --card: #f6f7f9; --ink: #1b1f24; --soft: #59626d; --line: #d4d9df; --bar: 0%; --shade: 0%;
      --mark: #0072b2; --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #b88600; --c5: #3a9fd6; --c6: #333333; }
    @media (prefers-color-scheme: dark) { :root { --ground: #14171a; --card: #1d2227; --ink: #e7eaee; --soft: #a3adb8;
      --line: #38404a; --mark: #3f9bd8; --c0: #5cb3ee; --c1: #ff8f45; --c2: #2fcf9f; --c3: #ea9cc6; --c4: #f0b429;
      --c5: #9ad4f5; --c6: #d6d9dd; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--ground); color: var(--ink);
      font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
    h1 { margin: .2em 0; font-size: 1.7rem; overflow-wrap: anywhere; }
    h2 { margin: 2.2rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line); font-size: 1.25rem; }
    header p { margin: .2rem 0 1rem; color: var(--soft); overflow-wrap: anywhere; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .6rem; }
    .tile { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
    .tile span, .tile small { display: block; color: var(--soft); font-size: .8rem; overflow-wrap: anywhere; }
    .tile strong { font-size: 1.3rem; overflow-wrap: anywhere; }
    nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: 1rem 0; font-size: .9rem; }
    a { color: var(--mark); }
    p { max-width: 48rem; overflow-wrap: anywhere; }
    pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem;
      font: .82rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
    .scroll { overflow-x: auto; margin: .8rem 0; }
    table { border-collapse: collapse; font-size: .88rem; }
    caption { text-align: left; padding: .2rem 0; font-weight: 600; }
    th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
    td { overflow-wrap: break-word; }
    td.number { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; }
    td[style*="--bar"] { min-width: 10rem;
      background: linear-gradient(to right, color-mix(in srgb, var(--mark) 30%, transparent) var(--bar), transparent var(--bar)); }
    td[style*="--shade"] { background: color-mix(in srgb, var(--mark) calc(var(--shade) * .6), transparent); }
    .charts, .pictures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
    .charts figure { max-width: 42rem; }
    .pictures.large { grid-template-columns: repeat(4, 1fr); }
    @media (max-width: 50rem) { .pictures.large { grid-template-columns: repeat(2, 1fr); gap: .6rem; } }
    .pictures.whole { grid-template-columns: minmax(0, 44rem); }
    .pictures.small { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
    figure { margin: 0; break-inside: avoid; }
    figcaption { font-size: .88rem; overflow-wrap: anywhere; }
    .charts figcaption { font-weight: 600; }
    svg { display: block; width: 100%; height: auto; }
    svg text { fill: var(--soft); font-size: 12px; }
    svg .grid { stroke: var(--line); fill: none; }
    svg .axis { stroke: var(--soft); fill: none; }
    svg .mark { stroke: var(--soft); stroke-dasharray: 3 3; fill: none; }
    svg .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
    img { display: block; width: 100%; height: auto; border-radius: .3rem; }
    .pictures.small img { image-rendering: pixelated; }
    .legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: 0; padding: 0 0 0 3.6rem; list-style: none; font-size: .82rem; }
    .legend li::before { content: ""; display: inline-block; width: 1.4em; height: .2em; margin-right: .4em;
      vertical-align: middle; background: currentColor; }
    .c0 { stroke: var(--c0); color: var(--c0); } .c1 { stroke: var(--c1); color: var(--c1); }
    .c2 { stroke: var(--c2); color: var(--c2); } .c3 { stroke: var(--c3); color: var(--c3); }
    .c4 { stroke: var(--c4); color: var(--c4); } .c5 { stroke: var(--c5); color: var(--c5); }
    .c6 { stroke: var(--c6); color: var(--c6); }
    svg .dot { fill: currentColor; stroke: none; }
    details { margin: .6rem 0; } summary { cursor: pointer; color: var(--mark); }
    @media print { nav { display: none; } body { max-width: none; font-size: 11px; } section { break-inside: auto; }
      details > * { display: block; } }
    """
}

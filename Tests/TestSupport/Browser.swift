import Foundation

/// What a browser made of a page: Chromium without a window, in a frame as wide as a screen or a telephone.
public struct BrowserView: Sendable, Decodable {
  /// Width of the frame in pixels.
  public let frameWidth: Double
  /// Width that the page needs; beyond that of the frame the whole page scrolls sideways.
  public let contentWidth: Double
  /// Height of the page in pixels.
  public let contentHeight: Double
  /// The colour of the page's body, as CSS.
  public let background: String
  /// The colour of its words, as CSS.
  public let foreground: String
  /// Pictures in the page.
  public let pictures: Int
  /// Those of them that could be decoded.
  public let decodedPictures: Int
  /// Plots in the page.
  public let plots: Int
  /// Those of them that have an extent; plots in parts that are folded up have none.
  public let drawnPlots: Int
  /// Words that stick out of their plot.
  public let wordsOutsidePlots: [String]
  /// The values of the page's `data` elements.
  public let numbers: [String]
  /// The text of the headings.
  public let headings: [String]
}

/// Chromium as Debian packages it, or another browser of its family.
public enum Browser {
  /// The program; nil where there is none that can read a file, as one in a container of its own may not.
  private static let program = ["chromium", "chromium-browser", "google-chrome"].first { name in
    guard let folder = try? TemporaryDirectory("browser"), let page = try? folder.write("<p>seen</p>", to: "page.html"),
      let result = try? run([name] + options(folder) + ["--dump-dom", "file://\(page)"])
    else { return false }
    return result.output.contains("<p>seen</p>")
  }

  /// What lets the program start as any user, without a window.
  private static func options(_ folder: TemporaryDirectory) -> [String] {
    [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--user-data-dir=\(folder.file("profile"))",
    ]
  }

  /// Whether tests of pages run: where there is a browser, and in CI, where they fail without one.
  public static let isWanted = ProcessInfo.processInfo.environment["CI"] == "true" || program != nil

  /// Why they are left out elsewhere.
  public static let reason = "pages are looked at with Chromium, which is not installed; Debian's package is chromium"

  /// Opens a page in frames of these widths in pixels.
  ///
  /// - Returns: a view for each width, and what the browser wrote into its console.
  /// - Throws: `CannotStart` without a browser or where it has not drawn the page.
  public static func open(_ page: String, widths: [Int], isDark: Bool) throws -> (
    views: [BrowserView], console: [String]
  ) {
    guard let program else { throw CannotStart(description: reason) }
    let folder = try TemporaryDirectory("browser")
    try folder.write(frames(of: String(contentsOfFile: page, encoding: .utf8), widths: widths), to: "frames.html")
    let result = try run(
      [program] + options(folder) + [
        "--enable-logging=stderr", "--log-level=0", "--virtual-time-budget=20000",
        "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)", "--dump-dom", "file://\(folder.file("frames.html"))",
      ])
    let console = result.errorOutput.split(separator: "\n").filter { $0.contains(":CONSOLE") }.map(String.init)
    guard let json = result.output.firstMatch(of: #/<pre id="views">(.+?)</pre>/#)?.output.1 else {
      throw CannotStart(description: "\(result)")
    }
    let plain = json.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    return (try JSONDecoder().decode([BrowserView].self, from: Data(plain.utf8)), console)
  }

  /// A page that holds another one once for each width, and writes down what became of it.
  private static func frames(of page: String, widths: [Int]) -> String {
    let source = page.replacing("&", with: "&amp;").replacing("\"", with: "&quot;")
    let frames = widths.map { #"<iframe style="width:\#($0)px;height:900px;border:0" srcdoc="\#(source)"></iframe>"# }
    return #"""
      <!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>frames</title>
      \#(frames.joined(separator: "\n"))
      <pre id="views"></pre>
      <script>
      function view(frame) {
        const page = frame.contentDocument, style = frame.contentWindow.getComputedStyle(page.body)
        const pictures = [...page.images], plots = [...page.querySelectorAll("svg")]
        const box = element => element.getBoundingClientRect()
        const outside = plots.flatMap(plot => [...plot.querySelectorAll("text")].filter(text =>
          box(text).left < box(plot).left - 1 || box(text).right > box(plot).right + 1
          || box(text).top < box(plot).top - 1 || box(text).bottom > box(plot).bottom + 1))
        return {
          frameWidth: frame.contentWindow.innerWidth, contentWidth: page.documentElement.scrollWidth,
          contentHeight: page.documentElement.scrollHeight, background: style.backgroundColor, foreground: style.color,
          pictures: pictures.length, decodedPictures: pictures.filter(p => p.complete && p.naturalWidth > 0).length,
          plots: plots.length, drawnPlots: plots.filter(plot => box(plot).width > 0 && box(plot).height > 0).length,
          wordsOutsidePlots: outside.map(text => text.textContent),
          numbers: [...page.querySelectorAll("data")].map(data => data.value),
          headings: [...page.querySelectorAll("h1, h2, h3")].map(heading => heading.textContent.trim()),
        }
      }
      addEventListener("load", () => {
        document.getElementById("views").textContent =
          JSON.stringify([...document.querySelectorAll("iframe")].map(view))
      })
      </script>
      """#
  }
}

import Datasets
import Graph
import Regularization
import Reporting
import Tensors

/// What the regulariser drops: a mask of each site, and the wanted and the measured rate.
struct RegularizerSection {
  private let configuration: Configuration

  init(_ configuration: Configuration) { self.configuration = configuration }

  /// Sites with a picture of their mask, evenly over the model.
  private static let picturedSites = 12
  /// Masks that a site's rate is measured on.
  private static let draws = 4

  /// - Throws: what a run with this configuration would.
  var blocks: [ReportPage.Block] {
    get throws {
      guard configuration.regularizerSettings != nil else { return [] }
      let graph = try configuration.task.checkedTrainingGraph(imagesPerRank: 1)
      guard
        let regularization = RunRegularization(
          configuration, totalSteps: 1, stepsPerEpoch: 1, extent: graph.maskExtent)
      else { return [] }
      let (sites, stream) = (graph.maskSites, MaskStream.perRank(seed: configuration.random.seed, rank: 0))
      let audits = sites.map { site in
        MaskAudit(
          regularization.regularizer, shape: site.shape,
          keepProbability: regularization.finalKeepProbabilities.at(site.place), stream: stream, layer: site.index,
          draws: Self.draws)
      }
      let step = max(1, (sites.count + Self.picturedSites - 1) / Self.picturedSites)
      let pictures = stride(from: 0, to: sites.count, by: step).map { place in
        picture(sites[place], regularization, stream)
      }
      return [
        .text(
          "The masks of the first channel of one picture at the end of the schedule: white is kept, black is dropped. Overlapping "
            + "blocks drop less than was asked for; what is to be expected counts each element once."),
        .pictures(pictures, .small),
        .details(
          "Rates of all \(sites.count) sites, measured on \(Self.draws) masks each", [.table(table(sites, audits))]),
      ]
    }
  }

  private func table(_ sites: [MaskSite], _ audits: [MaskAudit]) -> Table {
    Table(
      columns: ["site", "map", "block", "wanted", "expected", "measured"],
      rows: zip(sites, audits).map { site, audit in
        [
          .text(site.name), .text("\(site.shape.h) x \(site.shape.w)"), .text(audit.blockSize.map(String.init) ?? "–"),
          .figure(audit.wanted, digits: 4), .figure(audit.expected, digits: 4), .figure(audit.measured, digits: 4),
        ]
      })
  }

  /// The mask of the first image and channel of a site.
  private func picture(
    _ site: MaskSite, _ regularization: RunRegularization, _ stream: MaskStream
  ) -> ReportPage.Picture {
    let layout = MaskLayout(shape: site.shape, channelBlock: 16)
    var words = [UInt16](repeating: 0, count: layout.wordCount)
    let elements = words.withUnsafeMutableBufferPointer { words in
      _ = regularization.regularizer.fillMask(
        words, shape: site.shape, channelBlock: 16,
        keepProbability: regularization.finalKeepProbabilities.at(site.place), stream: stream, step: 0,
        layer: site.index)
      return layout.unpack(UnsafeBufferPointer(words))
    }
    let plane = Array(elements.prefix(site.shape.h * site.shape.w)).map { $0 == 0 ? UInt8(0) : 255 }
    let image = RGBImage(width: site.shape.w, height: site.shape.h, grey: plane)
    return .init(
      type: "image/png", file: image.pngFile(),
      caption: "\(site.name), \(site.shape.h) x \(site.shape.w)")
  }
}

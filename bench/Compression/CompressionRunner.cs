using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Compression;

/// <summary>Measures the figures of compression, group by group.</summary>
internal static class CompressionRunner
{
    internal static IReadOnlyList<(string Id, Func<CompressionBenchOptions, IEnumerable<Figure>> Measure)> Groups { get; } =
    [
        ("codec", CodecFigure.Measure),
        ("segment", SegmentFigure.Measure),
        ("wire", WireFigure.Measure),
    ];

    /// <param name="ids">Which groups.</param>
    internal static IReadOnlyList<Figure> Run(CompressionBenchOptions options, IEnumerable<string> ids) => FigureGroups.Run(Groups, options, options.Progress, ids);
}

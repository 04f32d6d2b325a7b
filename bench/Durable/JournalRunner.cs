using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Durable;

/// <summary>Measures the figures of the store, group by group, on a server in a process of its own.</summary>
internal static class JournalRunner
{
    internal static IReadOnlyList<(string Id, Func<JournalBenchOptions, IEnumerable<Figure>> Measure)> Groups { get; } =
    [
        ("restart", RestartFigure.Measure),
        ("flow", FlowFigure.Measure),
        ("tail", TailFigure.Measure),
        ("cold", ColdFigure.Measure),
        ("snapshot", SnapshotFigure.Measure),
    ];

    /// <param name="ids">Which groups.</param>
    internal static IReadOnlyList<Figure> Run(JournalBenchOptions options, IEnumerable<string> ids) => FigureGroups.Run(Groups, options, options.Progress, ids);
}

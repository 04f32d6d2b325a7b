using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Model;

/// <summary>Measures the figures of the model, group by group.</summary>
internal static class ModelRunner
{
    internal static IReadOnlyList<(string Id, Func<ModelOptions, IEnumerable<Figure>> Measure)> Groups { get; } =
    [
        ("routing", RoutingFigure.Measure),
        ("round-robin", RoundRobinFigure.Measure),
        ("fan-out", FanOutFigure.Measure),
        ("memory", MemoryFigure.Measure),
        ("backlog", BacklogFigure.Measure),
        ("timers", TimerFigure.Measure),
        ("allocation", AllocationFigure.Measure),
    ];

    /// <param name="ids">Which groups.</param>
    internal static IReadOnlyList<Figure> Run(ModelOptions options, IEnumerable<string> ids) => FigureGroups.Run(Groups, options, options.Progress, ids);
}

using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

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
    internal static IReadOnlyList<Figure> Run(ModelOptions options, IEnumerable<string> ids)
    {
        List<Figure> figures = [];
        foreach ((string id, Func<ModelOptions, IEnumerable<Figure>> measure) in Groups.Where(group => ids.Contains(group.Id)))
        {
            options.Progress.Say($"{id} …");
            try
            {
                foreach (Figure figure in measure(options))
                    figures.Add(figure);
            }
            catch (Exception error) when (error is BenchException or InvalidOperationException)
            {
                figures.Add(new Figure(id, id, null, "", Error: error.Message));
            }
        }
        return figures;
    }
}

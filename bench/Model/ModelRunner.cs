using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Model;

/// <summary>Measures the figures of the model, group by group.</summary>
internal static class ModelRunner
{
    internal static IReadOnlyList<(string Id, Func<ModelOptions, IEnumerable<ModelFigure>> Measure)> Groups { get; } =
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
    internal static IReadOnlyList<ModelFigure> Run(ModelOptions options, IEnumerable<string> ids)
    {
        List<ModelFigure> figures = [];
        foreach ((string id, Func<ModelOptions, IEnumerable<ModelFigure>> measure) in Groups.Where(group => ids.Contains(group.Id)))
        {
            options.Progress.Say($"{id} …");
            try
            {
                foreach (ModelFigure figure in measure(options))
                    figures.Add(figure);
            }
            catch (Exception error) when (error is BenchException or InvalidOperationException)
            {
                figures.Add(new ModelFigure(id, id, null, "", Error: error.Message));
            }
        }
        return figures;
    }
}

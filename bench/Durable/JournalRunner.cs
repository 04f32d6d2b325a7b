using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;
using LowLatency.Client;

namespace LowLatency.Bench.Durable;

/// <summary>Measures the figures of the store, group by group, on a server in a process of its own.</summary>
internal static class JournalRunner
{
    internal static IReadOnlyList<(string Id, Func<JournalBenchOptions, IEnumerable<Figure>> Measure)> Groups { get; } =
    [
        ("restart", RestartFigure.Measure),
        ("flow", FlowFigure.Measure),
        ("tail", TailFigure.Measure),
    ];

    /// <param name="ids">Which groups.</param>
    internal static IReadOnlyList<Figure> Run(JournalBenchOptions options, IEnumerable<string> ids)
    {
        List<Figure> figures = [];
        foreach ((string id, Func<JournalBenchOptions, IEnumerable<Figure>> measure) in Groups.Where(group => ids.Contains(group.Id)))
        {
            options.Progress.Say($"{id} …");
            try
            {
                foreach (Figure figure in measure(options))
                    figures.Add(figure);
            }
            catch (Exception error) when (error is BenchException or LowLatencyException)
            {
                figures.Add(new Figure(id, id, null, "", Error: error.Message));
            }
        }
        return figures;
    }
}

using LowLatency.Bench.Workloads;
using LowLatency.Client;

namespace LowLatency.Bench.Reports;

/// <summary>Measures figures group by group, and prints them.</summary>
internal static class FigureGroups
{
    /// <param name="ids">Which groups.</param>
    internal static IReadOnlyList<Figure> Run<TOptions>(
        IReadOnlyList<(string Id, Func<TOptions, IEnumerable<Figure>> Measure)> groups, TOptions options, Progress progress, IEnumerable<string> ids)
    {
        List<Figure> figures = [];
        foreach ((string id, Func<TOptions, IEnumerable<Figure>> measure) in groups.Where(group => ids.Contains(group.Id)))
        {
            progress.Say($"{id} …");
            try
            {
                foreach (Figure figure in measure(options))
                    figures.Add(figure);
            }
            catch (Exception error) when (error is BenchException or LowLatencyException or InvalidOperationException)
            {
                figures.Add(new Figure(id, id, null, "", Error: error.Message));
            }
        }
        return figures;
    }

    /// <returns>Exit code: 1 when a figure is not reached.</returns>
    internal static int Print(IReadOnlyList<Figure> figures, bool markdown, bool json)
    {
        TextTable table = Figure.Table(figures);
        Console.Out.WriteLine(markdown ? table.ToMarkdown() : table.ToString());
        if (json)
            Console.Out.WriteLine(BenchJson.Write(figures));
        return figures.All(figure => figure.IsReached != false) ? 0 : 1;
    }
}

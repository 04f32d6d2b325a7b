using System.Globalization;
using LowLatency.Bench.Cli;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Suite;

/// <summary>Measures rows of the table, each by its own command line, and makes the table.</summary>
internal static class SuiteRunner
{
    private const string CommandPrefix = "dotnet run -c Release --project bench -- ";

    /// <param name="rows">Rows in the order of the table; those with one command line share its runs.</param>
    /// <param name="configure">Changes what a row's command line says: runs, seconds, the server's program.</param>
    /// <param name="dataFolder">Folder for journals and floor files.</param>
    /// <param name="progress">Told what is measured.</param>
    /// <param name="results">Medians by row, in the order of the rows; a row that failed is missing.</param>
    internal static TextTable Run(
        IReadOnlyList<SuiteRow> rows, Func<RunOptions, RunOptions> configure, string dataFolder, Progress progress,
        out IReadOnlyList<(SuiteRow Row, RunResult Result)> results)
    {
        var table = new TextTable("what", "reach", "measured: median [min – max]", "reached", "command");
        var measured = new Dictionary<string, RunResult?>();
        var done = new List<(SuiteRow, RunResult)>();
        foreach (SuiteRow row in rows)
        {
            progress.Say($"{row.Id}: {row.What}");
            if (!measured.TryGetValue(row.Arguments, out RunResult? result))
                measured[row.Arguments] = result = Measure(row, configure, dataFolder, progress);
            string command = $"`{CommandPrefix}{row.Arguments}`";
            if (result is null)
            {
                table.Add(row.What, row.Reach, "failed", "no", command);
                continue;
            }
            done.Add((row, result));
            table.Add(row.What, row.Reach, row.Describe(result) + (result.Verified == false ? " NOT VERIFIED" : ""), Answer(row, result), command);
            progress.Say($"  → {row.Describe(result)}");
        }
        AddAllocations(table, done);
        results = done;
        return table;
    }

    private static RunResult? Measure(SuiteRow row, Func<RunOptions, RunOptions> configure, string dataFolder, Progress progress)
    {
        try
        {
            return RunResult.MedianOf(WorkloadRunner.Run(configure(RunCommand.Parse(row.Arguments, dataFolder)), progress));
        }
        catch (BenchException error)
        {
            progress.Say($"  failed: {error.Message}");
            return null;
        }
    }

    private static string Answer(SuiteRow row, RunResult result) => result.Verified == false ? "no" : row.IsReached(result) switch
    {
        true => "yes",
        false => "no",
        null => Format.Missing,
    };

    /// <summary>One row over all others: the worst of any run. Left out is what only fills a queue, which has to grow for that.</summary>
    private static void AddAllocations(TextTable table, IEnumerable<(SuiteRow Row, RunResult Result)> done)
    {
        (SuiteRow Row, RunResult Result)[] steady = [.. done.Where(d => d.Result is { AllocBytesPerMsg: not null, Workload: not "confirm" })];
        if (steady.Length == 0)
            return;
        (SuiteRow Row, RunResult Result) client = steady.MaxBy(d => d.Result.AllocBytesPerMsg);
        (SuiteRow Row, RunResult Result) server = steady.MaxBy(d => d.Result.ServerAllocBytesPerMsg);
        double? onClient = client.Result.AllocBytesPerMsg;
        double? onServer = server.Result.ServerAllocBytesPerMsg;
        table.Add("managed bytes allocated per message, every hot thread, server and client, after warm-up", "0",
            $"client {Describe(client.Row, onClient)}, server {Describe(server.Row, onServer)}; the worst of all runs",
            onClient > 0 || onServer > 0 ? "no" : onServer is null ? Format.Missing : "yes",
            "all of throughput and latency above");
    }

    private static string Describe(SuiteRow row, double? bytes) => bytes is > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes:0.####} ({row.Id})")
        : Format.Number(bytes);
}

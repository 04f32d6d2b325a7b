using System.CommandLine;
using LowLatency.Bench.Compression;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Cli;

/// <summary><c>compression</c>: what batches and compressed segments cost and spare.</summary>
internal static class CompressionCommand
{
    internal static Command Create()
    {
        string[] ids = [.. CompressionRunner.Groups.Select(group => group.Id)];
        var shared = new WorkloadOptions("compression");
        var runs = new Option<int>("--runs") { Description = "Rounds, and throughput runs, of which a figure is the median.", DefaultValueFactory = _ => 5 };
        var seconds = new Option<double>("--seconds") { Description = "How long a throughput run measures.", DefaultValueFactory = _ => 3 };
        var only = new Option<string[]>("--only") { Description = "Measure only these.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => ids };
        WorkloadOptions.AtLeast(runs, 1);
        only.AcceptOnlyFromAmong(ids);
        var markdown = new Option<bool>("--markdown") { Description = "Print the table as it stands in docs/performance.md." };
        var command = new Command("compression", """
            What batches compressed with LZ4 cost and spare, for market data and for noise: to make and to open one, and in throughput over TCP; and the same of compressed segments of the journal.
            """)
        {
            only, shared.Size, runs, seconds, shared.Data, shared.Server, markdown, shared.Json,
        };
        command.SetAction(parsed =>
        {
            using var data = new DataFolder(parsed.GetValue(shared.Data));
            ResultPrinter.PrintHeader(Console.Out, "compression", data.Name);
            IReadOnlyList<Figure> figures = CompressionRunner.Run(
                new CompressionBenchOptions
                {
                    Size = parsed.GetValue(shared.Size),
                    Runs = parsed.GetValue(runs),
                    Progress = new Progress(Console.Error),
                    Server = new RunOptions
                    {
                        Workload = "throughput",
                        Polled = true,
                        Seconds = parsed.GetValue(seconds),
                        WarmupSeconds = 1,
                        DataFolder = data.Name,
                        ServerProgram = parsed.GetValue(shared.Server),
                    },
                },
                parsed.GetValue(only) ?? ids);
            return FigureGroups.Print(figures, parsed.GetValue(markdown), parsed.GetValue(shared.Json));
        });
        return command;
    }
}

using System.CommandLine;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Suite;

namespace LowLatency.Bench.Cli;

/// <summary><c>suite</c>: every figure of docs/performance.md.</summary>
internal static class SuiteCommand
{
    internal static Command Create()
    {
        string[] ids = [.. SuiteRow.All.Select(r => r.Id)];
        var shared = new WorkloadOptions("suite");
        var runs = new Option<int>("--runs") { Description = "Runs of each figure.", HelpName = "N", DefaultValueFactory = _ => 5 };
        var seconds = new Option<double?>("--seconds")
        {
            Description = "How long each run measures. Default: as each command by itself.",
            HelpName = "S",
        };
        var only = new Option<string[]>("--only")
        {
            Description = "Measure only these.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => ids,
        };
        only.AcceptOnlyFromAmong(ids);
        var command = new Command("suite", "Every figure of docs/performance.md, as the Markdown table that is in it.")
        {
            runs, seconds, only, shared.Data, shared.Server, shared.Json,
        };
        command.SetAction(parsed =>
        {
            using var data = new DataFolder(parsed.GetValue(shared.Data));
            string[] chosen = parsed.GetValue(only) ?? ids;
            ResultPrinter.PrintHeader(Console.Out, "all figures", data.Name);
            TextTable table = SuiteRunner.Run(
                [.. SuiteRow.All.Where(r => chosen.Contains(r.Id))],
                o => o with
                {
                    Runs = parsed.GetValue(runs),
                    Seconds = parsed.GetValue(seconds) ?? o.Seconds,
                    ServerProgram = parsed.GetValue(shared.Server),
                },
                data.Name,
                new Progress(Console.Error),
                out IReadOnlyList<(SuiteRow Row, RunResult Result)> results);
            Console.Out.WriteLine($"Medians of {parsed.GetValue(runs)} runs on {MachineReport.Describe()}, data on {MachineReport.FileSystemOf(data.Name)}.");
            Console.Out.WriteLine();
            Console.Out.WriteLine(table.ToMarkdown());
            if (parsed.GetValue(shared.Json))
            {
                foreach ((_, RunResult result) in results)
                    Console.Out.WriteLine(BenchJson.Write(result));
            }
            return results.Count == chosen.Length && results.All(r => r.Result.Verified != false) ? 0 : 1;
        });
        return command;
    }
}

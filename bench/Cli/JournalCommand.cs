using System.CommandLine;
using LowLatency.Bench.Durable;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Cli;

/// <summary><c>journal</c>: what the store costs when it grows and when it is read again, each figure beside what it is to reach.</summary>
internal static class JournalCommand
{
    internal static Command Create()
    {
        string[] ids = [.. JournalRunner.Groups.Select(group => group.Id)];
        var shared = new WorkloadOptions("journal");
        var scale = new Option<double>("--scale") { Description = "Part of the live messages of a restart: 1 is one million of 1 KiB and ten million of 128 B.", DefaultValueFactory = _ => 1 };
        var flow = new Option<double>("--flow-gib") { Description = "What goes through the queue that is drained, in GiB.", DefaultValueFactory = _ => 20 };
        var cold = new Option<double>("--cold-gib") { Description = "The backlog that is on the disk alone, in GiB.", DefaultValueFactory = _ => 4 };
        var runs = new Option<int>("--runs") { Description = "Restarts, and latency runs, of which a figure is the median.", DefaultValueFactory = _ => 3 };
        var only = new Option<string[]>("--only") { Description = "Measure only these.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => ids };
        only.AcceptOnlyFromAmong(ids);
        var markdown = new Option<bool>("--markdown") { Description = "Print the table as it stands in docs/performance.md." };
        var command = new Command("journal", """
            What the store costs: restart on the journal of a broker that was killed, disk and memory while much flows and a little stays,
            the tail of publishing while segments roll and are emptied, that of a short queue while a long one is read from the disk,
            and the longest turn while segments begin with the definitions of many queues. Exit code 1 when a figure is not reached.
            """)
        {
            only, scale, flow, cold, runs, shared.Data, shared.Server, markdown, shared.Json,
        };
        command.SetAction(parsed =>
        {
            using var data = new DataFolder(parsed.GetValue(shared.Data));
            ResultPrinter.PrintHeader(Console.Out, "the journal", data.Name);
            IReadOnlyList<Figure> figures = JournalRunner.Run(
                new JournalBenchOptions
                {
                    Scale = parsed.GetValue(scale),
                    FlowGiB = parsed.GetValue(flow),
                    ColdGiB = parsed.GetValue(cold),
                    Runs = parsed.GetValue(runs),
                    Progress = new Progress(Console.Error),
                    Server = new RunOptions { Workload = "journal", DataFolder = data.Name, ServerProgram = parsed.GetValue(shared.Server) },
                },
                parsed.GetValue(only) ?? ids);
            return FigureGroups.Print(figures, parsed.GetValue(markdown), parsed.GetValue(shared.Json));
        });
        return command;
    }
}

using System.CommandLine;
using LowLatency.Bench.Model;
using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Cli;

/// <summary><c>model</c>: what exchanges and queues cost, each figure beside what it is to reach.</summary>
internal static class ModelCommand
{
    private static readonly ModelOptions Defaults = new();

    internal static Command Create()
    {
        string[] ids = [.. ModelRunner.Groups.Select(group => group.Id)];
        var shared = new WorkloadOptions("model");
        Option<int> queues = Count("--queues", "Queues that messages are published to by turns.", Defaults.Queues);
        Option<int> idle = Count("--idle-queues", "Queues without messages, for the memory of one.", Defaults.IdleQueues);
        Option<int> waiting = Count("--waiting", "Messages that wait in one queue. The journal needs 256 B for each.", Defaults.Waiting);
        Option<int> timed = Count("--timed", "Messages that wait for their time.", Defaults.Timed);
        Option<int> rounds = Count("--rounds", "Rounds of which a figure is the median.", Defaults.Rounds);
        Option<int> length = Count("--round-length", "Messages, deliveries or calls in a round, at least.", Defaults.RoundLength);
        Option<int> warmUp = Count("--warm-up-ms", "Rounds before those that count, for so long.", Defaults.WarmUpMs);
        var only = new Option<string[]>("--only")
        {
            Description = "Measure only these.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => ids,
        };
        only.AcceptOnlyFromAmong(ids);
        var markdown = new Option<bool>("--markdown") { Description = "Print the table as it stands in docs/performance.md." };
        var command = new Command("model", """
            What exchanges and queues cost, on one thread with the engine: many queues, fan-out, long queues, timers, memory, routing,
            allocation. Exit code 1 when a figure is not reached.
            """)
        {
            only, queues, idle, waiting, timed, rounds, length, warmUp, shared.Data, markdown, shared.Json,
        };
        command.SetAction(parsed =>
        {
            using var data = new DataFolder(parsed.GetValue(shared.Data));
            ResultPrinter.PrintHeader(Console.Out, "the model", data.Name);
            IReadOnlyList<Figure> figures = ModelRunner.Run(
                new ModelOptions
                {
                    Queues = parsed.GetValue(queues),
                    IdleQueues = parsed.GetValue(idle),
                    Waiting = parsed.GetValue(waiting),
                    Timed = parsed.GetValue(timed),
                    Rounds = parsed.GetValue(rounds),
                    RoundLength = parsed.GetValue(length),
                    WarmUpMs = parsed.GetValue(warmUp),
                    DataFolder = data.Name,
                    Progress = new Progress(Console.Error),
                },
                parsed.GetValue(only) ?? ids);
            return FigureGroups.Print(figures, parsed.GetValue(markdown), parsed.GetValue(shared.Json));
        });
        return command;
    }

    private static Option<int> Count(string name, string description, int value)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
        WorkloadOptions.AtLeast(option, 1);
        return option;
    }
}

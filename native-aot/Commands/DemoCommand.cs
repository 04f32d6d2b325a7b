using System.CommandLine;
using LowLatency.Server.Cli;
using LowLatency.Server.Demo;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency demo</c>: kills a broker and proves that nothing was lost.</summary>
internal static class DemoCommand
{
    private const string Lesson =
        """
        It needs no arguments. It starts a broker of its own with a journal in a temporary folder, publishes a stream of
        order events at level disk, kills the broker with SIGKILL half way, starts it again and goes on; a ledger proves
        that every confirmed event arrived, in order and byte for byte. Then the same stream goes through a broker inside
        the process. The last thing it prints is a table of latencies, beside what this machine can do at best.
        Exit code 0: proven. 8: something was lost, out of order or made up.
        """;

    internal static Command Create(TeachingHelp help)
    {
        Option<long> seed = Parsers.OptionalNumber("--seed", "Seed of the events; without it a new one, which is printed.", 0, long.MaxValue);
        Setting<long> rate = Parsers.Number("--rate", "Events in each second.", DemoOptions.DefaultRate, 100, 1_000_000);
        Setting<long> seconds = Parsers.Number("--seconds", "Length of the stream over TCP.", DemoOptions.DefaultSeconds, 4, 600);
        var command = new Command("demo", "Publishes, kills the broker, and proves that nothing was lost; shows latencies of this machine.") { seed, rate, seconds };
        command.SetAction(parsed =>
        {
            using var run = new DemoRun(new DemoOptions
            {
                Seed = parsed.GetResult(seed) != null ? (ulong)parsed.GetValue(seed) : (ulong)Environment.TickCount64,
                Rate = (int)rate.Read(parsed),
                Seconds = (int)seconds.Read(parsed),
            });
            return run.Run();
        });
        help.Teach(command, Lesson);
        return command;
    }
}

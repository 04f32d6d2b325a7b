using System.CommandLine;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency sub</c>: messages become lines.</summary>
internal static class SubCommand
{
    private const string Lesson =
        """
        Examples:
          lowlatency sub orders --count 1000000 > received.csv
          lowlatency sub fills --connect tcp://10.0.0.7:7400 --timeout-idle 5 | wc -l

        A message is acknowledged after its line was written, so nothing is lost when sub or the broker dies. When the
        broker dies and comes back, what this process wrote before is acknowledged again and not written twice.
        """;

    internal static Command Create(TeachingHelp help)
    {
        Argument<string> queue = Parsers.Queue();
        Setting<string> connect = Parsers.Connect();
        Option<long> count = Parsers.OptionalNumber("--count", "End after this many messages. Without it: on SIGINT or SIGTERM.", 1, long.MaxValue);
        Setting<long> credit = Parsers.Number("--credit", "Most messages under way without an acknowledgement.", 16_384, 1, 65_536);
        Option<long> idle = Parsers.OptionalNumber("--timeout-idle", "End after this many seconds without a message; with --count and too few messages, with exit code 7.", 1, 1_000_000);
        idle.HelpName = "seconds";
        var declare = new Option<bool>("--declare") { Description = "Declare the durable queue when it is missing. [default]" };
        var noDeclare = new Option<bool>("--no-declare") { Description = "Fail when the queue is missing." };
        Setting<long> reconnect = Parsers.Number("--reconnect-timeout", "Seconds to try to reconnect before giving up.", 60, 0, 1_000_000, "seconds");
        var command = new Command("sub", "Writes the bodies of a queue's messages as lines to standard output.")
        {
            queue, connect, count, credit, idle, declare, noDeclare, reconnect,
        };
        command.SetAction(parsed => new SubRun(new SubOptions
        {
            Queue = parsed.GetRequiredValue(queue),
            Address = connect.Read(parsed),
            Count = parsed.GetValue(count),
            Credit = (int)credit.Read(parsed),
            IdleTimeout = TimeSpan.FromSeconds(parsed.GetValue(idle)),
            Declare = !parsed.GetValue(noDeclare),
            ReconnectTimeout = TimeSpan.FromSeconds(reconnect.Read(parsed)),
        }).Run());
        command.Validators.Add(result =>
        {
            if (result.GetValue(declare) && result.GetValue(noDeclare))
                result.AddError("--declare and --no-declare exclude each other: keep one.");
        });
        help.Teach(command, Lesson);
        return command;
    }
}

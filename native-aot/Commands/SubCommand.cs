using System.CommandLine;
using LowLatency.Client;
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
          lowlatency sub orders --browse --timeout-idle 1          # looks, takes nothing
          lowlatency sub ticks --conflate --key symbol             # the newest of each, as fast as it is read
          lowlatency sub orders --get 10 --wait 5                  # what is there, at most ten

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
        Option<string?> host = ModelOptions.VirtualHost();
        Option<bool> browse = ModelOptions.Flag("--browse", "Show every message in order, take none.");
        Option<bool> conflate = ModelOptions.Flag("--conflate", "Show the newest message of each key, take none.");
        Option<string?> key = ModelOptions.Text("--key", "Of --conflate: the header that is the key. [default: the routing key]", "header");
        Option<bool> noAck = ModelOptions.Flag("--no-ack", "Messages are settled by being sent: faster, and lost when sub dies.");
        Option<bool> exclusive = ModelOptions.Flag("--exclusive", "No other subscription on the queue.");
        Option<long?> priority = ModelOptions.Number("--priority", "Subscriptions of higher priority are given messages first. [default: 0]", int.MinValue, int.MaxValue);
        Option<long> get = Parsers.OptionalNumber("--get", "Take at most this many messages that are there, then end.", 1, 65_536);
        Setting<long> wait = Parsers.Number("--wait", "Of --get: how long to wait for the first message.", 0, 0, 1_000_000, "seconds");
        var declare = new Option<bool>("--declare") { Description = "Declare the durable queue when it is missing. [default]" };
        var noDeclare = new Option<bool>("--no-declare") { Description = "Fail when the queue is missing." };
        Option<bool> compress = ModelOptions.Compress();
        Setting<long> reconnect = Parsers.Number("--reconnect-timeout", "Seconds to try to reconnect before giving up.", 60, 0, 1_000_000, "seconds");
        var command = new Command("sub", "Writes the bodies of a queue's messages as lines to standard output.")
        {
            queue, connect, count, credit, idle, declare, noDeclare, compress, reconnect,
            host, browse, conflate, key, noAck, exclusive, priority, get, wait,
        };
        command.SetAction(parsed => new SubRun(new SubOptions
        {
            Queue = parsed.GetRequiredValue(queue),
            Address = connect.Read(parsed),
            Count = parsed.GetValue(count),
            Credit = (int)credit.Read(parsed),
            IdleTimeout = TimeSpan.FromSeconds(parsed.GetValue(idle)),
            VirtualHost = parsed.GetValue(host),
            Get = (int)parsed.GetValue(get),
            Wait = TimeSpan.FromSeconds(wait.Read(parsed)),
            Subscription = new SubscriptionOptions
            {
                Browse = parsed.GetValue(browse),
                Conflate = parsed.GetValue(conflate),
                ConflationKey = parsed.GetValue(key) ?? "",
                NoAck = parsed.GetValue(noAck),
                Exclusive = parsed.GetValue(exclusive),
                Priority = (int)(parsed.GetValue(priority) ?? 0),
                ManualCredit = true,
            },
            Declare = !parsed.GetValue(noDeclare),
            Compress = parsed.GetValue(compress),
            ReconnectTimeout = TimeSpan.FromSeconds(reconnect.Read(parsed)),
        }).Run());
        command.Validators.Add(result =>
        {
            if (result.GetValue(declare) && result.GetValue(noDeclare))
                result.AddError("--declare and --no-declare exclude each other: keep one.");
            if (result.GetValue(browse) && result.GetValue(conflate))
                result.AddError("--browse and --conflate are two ways to look: keep one.");
            if (result.GetValue(key) != null && !result.GetValue(conflate))
                result.AddError("--key names what --conflate goes by: add that.");
            if (result.GetResult(wait) != null && result.GetResult(get) == null)
                result.AddError("--wait is how long --get waits: add that.");
            if (result.GetResult(get) != null && result.GetResult(count) != null)
                result.AddError("--get and --count both say how many: keep one.");
        });
        help.Teach(command, Lesson);
        return command;
    }
}

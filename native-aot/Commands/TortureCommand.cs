using System.CommandLine;
using LowLatency.Core.Engine;
using LowLatency.Server.Cli;
using LowLatency.Server.Torture;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency torture</c>: kills a broker under load as often as asked, and checks every promise.</summary>
internal static class TortureCommand
{
    private const string Lesson =
        """
        Examples:
          lowlatency torture                                  200 kills, a journal in a temporary folder
          lowlatency torture --kills 10000 --data ./torture --report report.txt

        It starts a broker of its own, publishes to several queues, half of them confirmed at level process, half at level disk, consumes,
        acknowledges in lumps, keeps one message in a hundred for long and gives some back, and kills the broker with SIGKILL at random moments, some of them while it
        recovers. A ledger knows every message that was confirmed. The report says for each level what was lost, out of order, made
        up, and delivered again with and without its mark. Use a folder on the disk that you care about.
        Exit code 0: nothing confirmed was lost, reordered or made up. 8: something was; the journal stays as evidence.
        """;

    internal static Command Create(TeachingHelp help)
    {
        Setting<long> kills = Parsers.Number("--kills", "How often the broker is killed.", 200, 1, 1_000_000);
        Setting<long> streams = Parsers.Number("--streams", "Publishers, each with a queue and a consumer of its own.", 4, 1, 100);
        Setting<long> window = Parsers.Number("--window", "Most unconfirmed messages of a publisher.", 500, 1, 65_536);
        Setting<long> segment = Parsers.Bytes("--segment-size", "Size of the journal's segments: small ones roll and retire often.", 4 << 20, 1 << 20, 1 << 30, isPowerOfTwo: true);
        Option<long> seed = Parsers.OptionalNumber("--seed", "Seed of messages and moments; without it a new one, which is printed.", 0, int.MaxValue);
        Setting<DurabilityLevel[]> levels = Parsers.Word(
            "--durability", "Levels at which the streams are confirmed, by turns.", (DurabilityLevel[])[DurabilityLevel.Process, DurabilityLevel.Disk],
            ("both", [DurabilityLevel.Process, DurabilityLevel.Disk]), ("process", [DurabilityLevel.Process]), ("disk", [DurabilityLevel.Disk]));
        var data = new Option<string?>("--data") { Description = "New or empty folder for the journal. Without it a temporary one, removed when everything held.", HelpName = "folder" };
        var report = new Option<string?>("--report") { Description = "File that takes the report too.", HelpName = "file" };
        var command = new Command("torture", "Kills a broker under load, again and again, and checks that it keeps its word.") { kills, data, streams, levels, window, segment, seed, report };
        command.SetAction(parsed =>
        {
            using var run = new TortureRun(new TortureOptions
            {
                Kills = (int)kills.Read(parsed),
                Folder = parsed.GetValue(data),
                Seed = parsed.GetResult(seed) != null ? (int)parsed.GetValue(seed) : Environment.TickCount & int.MaxValue,
                Streams = (int)streams.Read(parsed),
                Levels = levels.Read(parsed),
                Window = (int)window.Read(parsed),
                SegmentSize = segment.Read(parsed),
            });
            return Finish(run.Run(), parsed.GetValue(report));
        });
        help.Teach(command, Lesson);
        return command;
    }

    private static int Finish(TortureReport report, string? file)
    {
        string text = report.Format();
        Console.Out.WriteLine(text);
        if (file != null)
        {
            try
            {
                File.WriteAllText(file, text + "\n");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new CliException(ExitCode.InputOrOutput, $"The report could not be written to '{file}': {error.Message}");
            }
        }
        return report.ExitCode;
    }
}

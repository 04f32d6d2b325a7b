using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Torture;

/// <summary>The outcome of a torture run, for people: what was promised, what was kept, and how to do it again.</summary>
internal sealed class TortureReport(
    TortureOptions options, string folder, IReadOnlyList<TortureStream> streams, IReadOnlyList<TortureKill> kills, TimeSpan time, string journal, string? trouble,
    bool wasInterrupted)
{
    /// <summary>Done only when nothing confirmed was lost, reordered or made up, and the run came to its end.</summary>
    internal int ExitCode =>
        trouble != null || !streams.All(stream => stream.Ledger.HasHeld && stream.Rejected == null) ? Cli.ExitCode.ProofFailed
        : wasInterrupted ? Cli.ExitCode.Interrupted
        : Cli.ExitCode.Done;

    internal string Format()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"LowLatency {Version} on {RuntimeInformation.OSDescription}, {Environment.ProcessorCount} processors, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC");
        text.AppendLine(CultureInfo.InvariantCulture, $"{Quantity.Count(kills.Count, "SIGKILL")} in {time.TotalSeconds:0} s, {streams.Count} streams, segments of {Quantity.Bytes(options.SegmentSize)}, seed {options.Seed}");
        text.AppendLine();
        text.AppendLine(Ledger().Format());
        text.AppendLine();
        text.AppendLine(Restarts());
        text.AppendLine($"Journal: {journal}");
        foreach (TortureStream stream in streams)
        {
            if (stream.Rejected != null)
                text.AppendLine($"{stream.Queue}: rejected without a reason: {stream.Rejected}");
            foreach (string finding in stream.Ledger.Findings)
                text.AppendLine($"{stream.Queue}: {finding}");
        }
        if (trouble != null)
            text.AppendLine(trouble);
        text.AppendLine();
        text.Append(Verdict());
        return text.ToString();
    }

    private TextTable Ledger()
    {
        var table = new TextTable("confirmed at", "published", "confirmed", "arrived", "lost", "out of order", "made up", "again, marked", "again, unmarked");
        foreach (IGrouping<DurabilityLevel, TortureStream> level in streams.GroupBy(stream => stream.Level))
            Add(table, level.Key.ToString().ToLowerInvariant(), [.. level.Select(stream => stream.Ledger)]);
        table.AddRule();
        Add(table, "all", [.. streams.Select(stream => stream.Ledger)]);
        return table;
    }

    private static void Add(TextTable table, string name, StreamLedger[] ledgers) => table.Add(
        name,
        Quantity.Count(ledgers.Sum(ledger => ledger.Published)),
        Quantity.Count(ledgers.Sum(ledger => ledger.Confirmed)),
        Quantity.Count(ledgers.Sum(ledger => ledger.Delivered)),
        Quantity.Count(ledgers.Sum(ledger => ledger.Lost)),
        Quantity.Count(ledgers.Sum(ledger => ledger.Reordered)),
        Quantity.Count(ledgers.Sum(ledger => ledger.Phantoms)),
        Quantity.Count(ledgers.Sum(ledger => ledger.Repeats)),
        Quantity.Count(ledgers.Sum(ledger => ledger.UnmarkedRepeats)));

    private string Restarts()
    {
        if (kills.Count == 0)
            return "No kill.";
        TimeSpan[] times = [.. kills.Select(kill => kill.Restart).Order()];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Restarts to listening: median {times[times.Length / 2].TotalMilliseconds:0} ms, longest {times[^1].TotalMilliseconds:0} ms. At the kills {Quantity.Count((long)kills.Average(kill => kill.Unconfirmed))} messages were unconfirmed on average; {kills.Count(kill => kill.InRecovery)} came without waiting for progress.");
    }

    private string Verdict() => ExitCode switch
    {
        Cli.ExitCode.Done => "Held: nothing confirmed was lost, reordered or made up, and every repeat was marked.",
        Cli.ExitCode.Interrupted => "Interrupted: what was done held, but the run is not whole.",
        _ => $"NOT held. The journal is in {folder}. Again: lowlatency torture --kills {options.Kills} --streams {options.Streams} --seed {options.Seed} (the moments of the kills depend on the machine as well).",
    };

    private static string Version => typeof(TortureReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
}

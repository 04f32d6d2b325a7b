using LowLatency.Bench.Machine;

namespace LowLatency.Bench.Reports;

/// <summary>Results as tables.</summary>
internal static class ResultPrinter
{
    internal static void PrintHeader(TextWriter output, string title, string dataFolder)
    {
        output.WriteLine(title);
        output.WriteLine($"  {MachineReport.Describe()}");
        output.WriteLine($"  data in {dataFolder} ({MachineReport.FileSystemOf(dataFolder)})");
        output.WriteLine();
    }

    internal static void PrintFloors(TextWriter output, RunResult result)
    {
        var table = new TextTable("floor, µs", "p50", "p90", "p99", "p99.9", "max");
        foreach (FloorResult floor in result.Floors ?? [])
        {
            table.Add(floor.Name, Format.Us(floor.P50Us), Format.Us(floor.P90Us), Format.Us(floor.P99Us),
                Format.Us(floor.P999Us), Format.Us(floor.MaxUs));
        }
        output.WriteLine(table);
        output.WriteLine($"  copy of 128 B, in cache   {Format.GibibytesPerSecond(result.CopySmallBytesPerS ?? 0)}");
        output.WriteLine($"  copy of 64 MiB, in memory {Format.GibibytesPerSecond(result.CopyLargeBytesPerS ?? 0)}");
    }

    /// <summary>One row for each run; where there are several, a last one with the medians.</summary>
    internal static void PrintRuns(TextWriter output, IReadOnlyList<RunResult> runs)
    {
        RunResult median = RunResult.MedianOf(runs);
        bool hasTimes = runs[0].P50Us is not null;
        if (hasTimes)
            output.WriteLine(TimesTable(runs, median));
        if (runs[0].MsgsPerS is not null)
            output.WriteLine(RatesTable(runs, median));
        if (runs[0].StartMs is not null)
            output.WriteLine(ServerTable(runs, median));
        else
            output.WriteLine(CountersTable(runs, median));
        if (median.Verified is bool verified)
        {
            output.WriteLine(verified
                ? $"  verified: {Format.Count(median.Messages)} messages, each received once, in order, unaltered"
                : "  NOT VERIFIED: messages were lost, repeated, out of order or altered; the figures mean nothing");
        }
    }

    private static TextTable TimesTable(IReadOnlyList<RunResult> runs, RunResult median)
    {
        var table = new TextTable("run, µs", "p50", "p90", "p99", "p99.9", "max", "floor p50", "floor p99", "p50/floor", "p99/floor", "paced p99", "p99/paced");
        ForEachRow(runs, median, (name, r) => table.Add(name, Format.Us(r.P50Us), Format.Us(r.P90Us), Format.Us(r.P99Us),
            Format.Us(r.P999Us), Format.Us(r.MaxUs), Format.Us(r.FloorP50Us), Format.Us(r.FloorP99Us),
            Format.Ratio(r.RatioP50), Format.Ratio(r.RatioP99), Format.Us(r.FloorPacedP99Us), Format.Ratio(r.RatioPacedP99)));
        if (runs.Count > 1)
        {
            table.Add("min – max", $"{Format.Us(median.P50UsMin)} – {Format.Us(median.P50UsMax)}", "", "", "", "", "", "",
                $"{Format.Ratio(median.RatioP50Min)} – {Format.Ratio(median.RatioP50Max)}",
                $"{Format.Ratio(median.RatioP99Min)} – {Format.Ratio(median.RatioP99Max)}", "", "");
        }
        return table;
    }

    private static TextTable RatesTable(IReadOnlyList<RunResult> runs, RunResult median)
    {
        if (runs[0].SentBytesPerMsg is not null)
        {
            var compressed = new TextTable("run", "messages/s", "messages", "sent B/msg", "of B/msg");
            ForEachRow(runs, median, (name, r) => compressed.Add(name, Format.Count(r.MsgsPerS), Format.Count(r.Messages), Format.Number(r.SentBytesPerMsg), Format.Number(r.SentFrameBytesPerMsg)));
            return compressed;
        }
        var table = new TextTable("run", "messages/s", "messages");
        ForEachRow(runs, median, (name, r) => table.Add(name, Format.Count(r.MsgsPerS), Format.Count(r.Messages)));
        if (runs.Count > 1)
            table.Add("min – max", $"{Format.Count(median.MsgsPerSMin)} – {Format.Count(median.MsgsPerSMax)}", "");
        return table;
    }

    private static TextTable ServerTable(IReadOnlyList<RunResult> runs, RunResult median)
    {
        var table = new TextTable("run", "start, ms", "anonymous, MiB", "program, MB", "idle CPU, %", "server");
        ForEachRow(runs, median, (name, r) => table.Add(name, Format.Number(r.StartMs), Format.Number(r.AnonymousBytes / (1024 * 1024)),
            Format.Number(r.BinaryBytes / 1e6), Format.Number(r.IdleCpuPercent), r.Server ?? Format.Missing));
        return table;
    }

    private static TextTable CountersTable(IReadOnlyList<RunResult> runs, RunResult median)
    {
        var table = new TextTable("run", "alloc B/msg", "server alloc B/msg", "GCs", "steal %",
            "switches vol/invol", "server vol/invol", "page faults", "server", "CPU %", "server");
        ForEachRow(runs, median, (name, r) => table.Add(name, Format.Small(r.AllocBytesPerMsg), Format.Small(r.ServerAllocBytesPerMsg),
            Format.Count(r.GcCount), Format.Number(r.StealPercent),
            $"{Format.Count(r.ClientVoluntarySwitches)} / {Format.Count(r.ClientInvoluntarySwitches)}",
            $"{Format.Count(r.ServerVoluntarySwitches)} / {Format.Count(r.ServerInvoluntarySwitches)}",
            Format.Count(r.ClientPageFaults), Format.Count(r.ServerPageFaults),
            Format.Count(r.ClientCpuPercent), Format.Count(r.ServerCpuPercent)));
        return table;
    }

    private static void ForEachRow(IReadOnlyList<RunResult> runs, RunResult median, Action<string, RunResult> add)
    {
        for (int i = 0; i < runs.Count; i++)
            add($"{i + 1}", runs[i]);
        if (runs.Count > 1)
            add("median", median);
    }
}

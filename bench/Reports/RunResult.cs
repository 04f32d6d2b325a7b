namespace LowLatency.Bench.Reports;

/// <summary>One run of one workload, or the medians of several: what <c>--json</c> prints. Null: does not apply.</summary>
/// <remarks>Names in JSON are these in snake case. Scripts read them: they are added to, never changed.</remarks>
internal sealed record RunResult
{
    public required string Workload { get; init; }
    public string? Door { get; init; }
    public string? Durability { get; init; }
    public int? Size { get; init; }
    public int? Rate { get; init; }
    public string? Idle { get; init; }

    /// <summary>How the client was driven: <c>polled</c> or <c>background</c>.</summary>
    public string? Client { get; init; }

    /// <summary>What served: <c>aot</c>, <c>jit</c>, <c>inproc</c> or <c>remote</c>.</summary>
    public string? Server { get; init; }
    public int? Window { get; init; }
    public double? Seconds { get; init; }
    public long? Messages { get; init; }

    /// <summary>Every message came once, in order, unaltered.</summary>
    public bool? Verified { get; init; }

    public double? P50Us { get; init; }
    public double? P90Us { get; init; }
    public double? P99Us { get; init; }
    public double? P999Us { get; init; }
    public double? MaxUs { get; init; }

    /// <summary>Which floor the ratios are to.</summary>
    public string? Floor { get; init; }
    public double? FloorP50Us { get; init; }
    public double? FloorP99Us { get; init; }
    public double? RatioP50 { get; init; }
    public double? RatioP99 { get; init; }

    /// <summary>p99 of the floor on the workload's own schedule, from the moment when each round trip was due: the machine's own tail.</summary>
    public double? FloorPacedP99Us { get; init; }
    public double? RatioPacedP99 { get; init; }

    public double? MsgsPerS { get; init; }

    /// <summary>Managed bytes allocated on the client's hot threads, per measured message.</summary>
    public double? AllocBytesPerMsg { get; init; }

    /// <summary>The same on the server's, as the server itself counted from its start.</summary>
    public double? ServerAllocBytesPerMsg { get; init; }

    /// <summary>Bytes that the server sent per delivery, confirms included, where compression was asked for; and those of the frames that they stood for.</summary>
    public double? SentBytesPerMsg { get; init; }
    public double? SentFrameBytesPerMsg { get; init; }

    /// <summary>Garbage collections in this process while measuring, all generations.</summary>
    public double? GcCount { get; init; }

    /// <summary>Share of all cores' time that the host gave to others while measuring, in percent.</summary>
    public double? StealPercent { get; init; }
    public double? ClientVoluntarySwitches { get; init; }
    public double? ClientInvoluntarySwitches { get; init; }
    public double? ClientPageFaults { get; init; }
    public double? ClientCpuPercent { get; init; }
    public double? ServerVoluntarySwitches { get; init; }
    public double? ServerInvoluntarySwitches { get; init; }
    public double? ServerPageFaults { get; init; }
    public double? ServerCpuPercent { get; init; }

    /// <summary>From the start of the server's process until it listens, with an empty journal; for the workload <c>server</c>, as the next three.</summary>
    public double? StartMs { get; init; }

    /// <summary>Anonymous resident memory of the idle server.</summary>
    public double? AnonymousBytes { get; init; }

    /// <summary>Length of the server's program.</summary>
    public double? BinaryBytes { get; init; }

    /// <summary>Time on a core of an idle server with idle connections, in percent of one core.</summary>
    public double? IdleCpuPercent { get; init; }

    /// <summary>How many runs the medians are of; the pairs below are their spread.</summary>
    public int Runs { get; init; } = 1;
    public double? P50UsMin { get; init; }
    public double? P50UsMax { get; init; }
    public double? RatioP50Min { get; init; }
    public double? RatioP50Max { get; init; }
    public double? RatioP99Min { get; init; }
    public double? RatioP99Max { get; init; }
    public double? MsgsPerSMin { get; init; }
    public double? MsgsPerSMax { get; init; }
    public double? StartMsMin { get; init; }
    public double? StartMsMax { get; init; }
    public double? IdleCpuPercentMin { get; init; }
    public double? IdleCpuPercentMax { get; init; }

    /// <summary>All floors that were measured, for the workload <c>floor</c>.</summary>
    public IReadOnlyList<FloorResult>? Floors { get; init; }

    /// <summary>Bytes per second of copies, for the workload <c>floor</c>.</summary>
    public double? CopySmallBytesPerS { get; init; }
    public double? CopyLargeBytesPerS { get; init; }

    /// <summary>Medians of the runs, field by field, with the spread of the main ones; also of a single run.</summary>
    internal static RunResult MedianOf(IReadOnlyList<RunResult> runs)
    {
        return runs[0] with
        {
            Runs = runs.Count,
            Messages = runs.Sum(r => r.Messages ?? 0),
            Verified = runs.All(r => r.Verified is null) ? null : runs.All(r => r.Verified == true),
            P50Us = Median(r => r.P50Us),
            P90Us = Median(r => r.P90Us),
            P99Us = Median(r => r.P99Us),
            P999Us = Median(r => r.P999Us),
            MaxUs = Median(r => r.MaxUs),
            FloorP50Us = Median(r => r.FloorP50Us),
            FloorP99Us = Median(r => r.FloorP99Us),
            FloorPacedP99Us = Median(r => r.FloorPacedP99Us),
            RatioPacedP99 = Median(r => r.RatioPacedP99),
            RatioP50 = Median(r => r.RatioP50),
            RatioP99 = Median(r => r.RatioP99),
            MsgsPerS = Median(r => r.MsgsPerS),
            AllocBytesPerMsg = runs.Max(r => r.AllocBytesPerMsg), // Nothing may hide: the worst run, not the median.
            ServerAllocBytesPerMsg = runs.Max(r => r.ServerAllocBytesPerMsg),
            SentBytesPerMsg = Median(r => r.SentBytesPerMsg),
            SentFrameBytesPerMsg = Median(r => r.SentFrameBytesPerMsg),
            GcCount = Median(r => r.GcCount),
            StealPercent = Median(r => r.StealPercent),
            ClientVoluntarySwitches = Median(r => r.ClientVoluntarySwitches),
            ClientInvoluntarySwitches = Median(r => r.ClientInvoluntarySwitches),
            ClientPageFaults = Median(r => r.ClientPageFaults),
            ClientCpuPercent = Median(r => r.ClientCpuPercent),
            ServerVoluntarySwitches = Median(r => r.ServerVoluntarySwitches),
            ServerInvoluntarySwitches = Median(r => r.ServerInvoluntarySwitches),
            ServerPageFaults = Median(r => r.ServerPageFaults),
            ServerCpuPercent = Median(r => r.ServerCpuPercent),
            StartMs = Median(r => r.StartMs),
            AnonymousBytes = Median(r => r.AnonymousBytes),
            IdleCpuPercent = Median(r => r.IdleCpuPercent),
            P50UsMin = runs.Min(r => r.P50Us),
            P50UsMax = runs.Max(r => r.P50Us),
            RatioP50Min = runs.Min(r => r.RatioP50),
            RatioP50Max = runs.Max(r => r.RatioP50),
            RatioP99Min = runs.Min(r => r.RatioP99),
            RatioP99Max = runs.Max(r => r.RatioP99),
            MsgsPerSMin = runs.Min(r => r.MsgsPerS),
            MsgsPerSMax = runs.Max(r => r.MsgsPerS),
            StartMsMin = runs.Min(r => r.StartMs),
            StartMsMax = runs.Max(r => r.StartMs),
            IdleCpuPercentMin = runs.Min(r => r.IdleCpuPercent),
            IdleCpuPercentMax = runs.Max(r => r.IdleCpuPercent),
        };

        double? Median(Func<RunResult, double?> field) => Quantiles.Median(runs.Select(field));
    }
}

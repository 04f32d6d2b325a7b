using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Durable;

/// <summary>What is measured of the store, and how much of it.</summary>
internal sealed record JournalBenchOptions
{
    /// <summary>Part of the messages of the figures; 1 is all of them.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Bytes through the queue that is drained, in GiB.</summary>
    public double FlowGiB { get; init; } = 20;

    /// <summary>Bytes of the backlog that is on the disk alone, in GiB.</summary>
    public double ColdGiB { get; init; } = 4;

    /// <summary>Restarts, and latency runs, of which a figure is the median.</summary>
    public int Runs { get; init; } = 3;

    public required Progress Progress { get; init; }

    public required RunOptions Server { get; init; }
}

using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Compression;

/// <summary>What is measured of compression, and how much of it.</summary>
internal sealed record CompressionBenchOptions
{
    /// <summary>Bytes of a body.</summary>
    public int Size { get; init; } = 128;

    /// <summary>Rounds, and throughput runs, of which a figure is the median; and segments that are compressed.</summary>
    public int Runs { get; init; } = 5;

    /// <summary>How long a round of the codec takes, at least, in milliseconds.</summary>
    public int RoundMs { get; init; } = 100;

    public required Progress Progress { get; init; }

    /// <summary>How throughput is measured, but for compression and content.</summary>
    public required RunOptions Server { get; init; }
}

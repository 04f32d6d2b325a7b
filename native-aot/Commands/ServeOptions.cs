using LowLatency.Core.Agents;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Commands;

/// <summary>What <c>lowlatency serve</c> was asked to do.</summary>
internal sealed record ServeOptions
{
    internal required string Data { get; init; }
    internal required IReadOnlyList<string> Listen { get; init; }
    internal ThreadingMode Threading { get; init; }
    internal IdleMode Idle { get; init; }
    internal IReadOnlyList<int> Processors { get; init; } = [];
    internal int SegmentSize { get; init; }
    internal long MinFreeDiskBytes { get; init; }

    /// <inheritdoc cref="Core.Engine.BrokerOptions.DiskHighWatermark"/>
    internal long? DiskHighWatermark { get; init; }

    /// <inheritdoc cref="Core.Engine.BrokerOptions.JournalMemoryBytes"/>
    internal long JournalMemoryBytes { get; init; }

    internal required BrokerLimits Limits { get; init; }

    /// <summary>Grant compression to clients that ask for it, and compress old segments of the journal.</summary>
    internal bool Compression { get; init; } = true;

    /// <summary>Write figures of the hot thread at the end.</summary>
    internal bool Stats { get; init; }

    /// <summary>Stop when standard input ends: a child that must not outlive its parent.</summary>
    internal bool StopWithInput { get; init; }

    /// <summary>Longest time to drain and flush at the end.</summary>
    internal TimeSpan StopTimeout { get; init; }
}

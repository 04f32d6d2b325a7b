using LowLatency.Core.Journal;
using LowLatency.Server.Inspection;

namespace LowLatency.Server.Commands;

/// <summary>What <c>lowlatency journal dump</c> was asked to do.</summary>
internal sealed record JournalDumpOptions
{
    internal required string Folder { get; init; }

    /// <summary>Name of a queue; <c>null</c> for all records.</summary>
    internal string? Queue { get; init; }

    /// <summary>Unix time in nanoseconds.</summary>
    internal long FromNs { get; init; } = long.MinValue;

    /// <inheritdoc cref="FromNs"/>
    internal long ToNs { get; init; } = long.MaxValue;

    internal PositionRange Positions { get; init; } = PositionRange.All;

    /// <summary>Empty for all.</summary>
    internal IReadOnlyCollection<RecordType> Types { get; init; } = [];

    internal bool WithHeaders { get; init; }

    internal bool WithPayload { get; init; }
}

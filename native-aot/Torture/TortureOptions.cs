using LowLatency.Core.Engine;

namespace LowLatency.Server.Torture;

/// <summary>What a torture run does.</summary>
internal sealed record TortureOptions
{
    /// <summary>How often the broker is killed.</summary>
    internal int Kills { get; init; } = 200;

    /// <summary>Folder for the broker's journal; null for a temporary one, removed when everything held.</summary>
    internal string? Folder { get; init; }

    /// <summary>It goes on after the last kill until so many messages were published, over all streams.</summary>
    internal long MinPublished { get; init; }

    internal int Seed { get; init; }

    /// <summary>Streams, each a publisher, a queue and a consumer; their levels take turns.</summary>
    internal int Streams { get; init; } = 4;

    internal IReadOnlyList<DurabilityLevel> Levels { get; init; } = [DurabilityLevel.Process, DurabilityLevel.Disk];

    /// <summary>Most unconfirmed messages of a stream.</summary>
    internal int Window { get; init; } = 500;

    /// <summary>Of the journal's segments, in bytes: small, so that they roll, retire and are used again under fire.</summary>
    internal long SegmentSize { get; init; } = 4 * 1024 * 1024;

    /// <summary>The broker's program; null for this one.</summary>
    internal string? Program { get; init; }
}

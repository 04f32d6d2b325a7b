namespace LowLatency.Core.Engine;

/// <summary>How a broker is set up.</summary>
public sealed record BrokerOptions
{
    /// <summary>Folder of the journal; made when its parent exists. Null: no journal, level <see cref="DurabilityLevel.Memory"/> only.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>Bytes of a segment of a new journal: a power of two from 1 MiB to 1 GiB.</summary>
    public int SegmentSize { get; init; } = 64 * 1024 * 1024;

    /// <summary>No new segment when less than this would be left on the disk, in bytes.</summary>
    public long MinFreeDiskBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>
    /// Publications at levels process and disk are held back while less than this is free on the disk, in bytes; 0: never.
    /// Null: 2 GiB or four segments, whichever is more, but at most a tenth of the disk.
    /// </summary>
    public long? DiskHighWatermark { get; init; }

    /// <summary>
    /// How much of the journal is kept in memory, in bytes: three quarters for its end, a quarter for older messages that are read again from the disk;
    /// at least four segments and three.
    /// </summary>
    public long JournalMemoryBytes { get; init; } = 1024L * 1024 * 1024;

    /// <summary>Compress segments that are not kept in memory with LZ4, where that spares a quarter of their bytes and the machine has the library.</summary>
    public bool CompressJournal { get; init; }

    /// <summary>Every other limit.</summary>
    public BrokerLimits Limits { get; init; } = new();
}

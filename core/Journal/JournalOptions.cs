using LowLatency.Core.Compression;

namespace LowLatency.Core.Journal;

/// <summary>Sizes and limits of a journal.</summary>
internal sealed record JournalOptions
{
    /// <summary>Bytes of a segment of a new journal: a power of two from 1 MiB to 1 GiB. A journal that is there keeps its own.</summary>
    internal int SegmentSize { get; init; } = 64 * 1024 * 1024;

    /// <summary>Bytes at the end of the last ready segment that neither messages nor moved records may use: room for acks when the disk is full. 0: a sixteenth of a segment.</summary>
    internal int ReserveLength { get; init; }

    /// <summary>Retired files kept for another use; more are removed.</summary>
    internal int MaxSpares { get; init; } = 1;

    /// <summary>No new file when less than this would be left on the disk, in bytes.</summary>
    internal long MinFreeBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Publications are held back while less than this is free on the disk, in bytes; 0: never. Null: <see cref="DiskSpace.DefaultHighMark"/>.</summary>
    internal long? HighMarkBytes { get; init; }

    /// <summary>How much of the journal is kept in memory, in bytes: a quarter for what is read again from the disk, the rest for its end.
    /// At least <see cref="MinColdSegments"/> and <see cref="MinHotSegments"/> segments.</summary>
    internal long MemoryBytes { get; init; } = 1024L * 1024 * 1024;

    /// <summary>The one that is read, the one after it, and the one before it, of which deliveries are still on their way.</summary>
    internal const int MinColdSegments = 3;

    /// <summary>The active one and those that are not synced yet.</summary>
    internal const int MinHotSegments = 4;

    /// <summary>No more segments than that are kept in memory at the journal's end, from 1 on: for simulations, whose journals are short.</summary>
    internal int MaxHotSegments { get; init; } = int.MaxValue;

    /// <summary>What cold segments are compressed with; <c>null</c>: none is.</summary>
    internal Lz4? Compression { get; init; }

    /// <summary>The threads that read in place, when more than one log shares them; <c>null</c>: the journal makes its own.</summary>
    internal ReaderRegistry? Readers { get; init; }

    internal void Check()
    {
        if (!SegmentLayout.IsSize(SegmentSize))
            throw new JournalException(JournalError.InvalidOption, $"A segment size of {SegmentSize} bytes is not possible: it must be a power of two from {SegmentLayout.MinSize} to {SegmentLayout.MaxSize}.");
        if (ReserveLength < 0 || ReserveLength > SegmentSize / 2)
            throw new JournalException(JournalError.InvalidOption, $"A reserve of {ReserveLength} bytes is not possible: from 0 to half a segment ({SegmentSize / 2}).");
        if (MaxSpares < 0 || MinFreeBytes < 0 || HighMarkBytes < 0 || MemoryBytes < 0)
            throw new JournalException(JournalError.InvalidOption, "MaxSpares, MinFreeBytes, HighMarkBytes and MemoryBytes may not be negative.");
    }

    /// <summary>Segments at the end of the journal that are kept in memory, the active one included.</summary>
    internal int HotSegments(int segmentSize) => (int)Math.Min(MaxHotSegments, Math.Clamp(MemoryBytes / 4 * 3 / segmentSize, MinHotSegments, 1 << 20));

    /// <summary>Other segments that are in memory at a time.</summary>
    internal int ColdSegments(int segmentSize) => (int)Math.Clamp(MemoryBytes / 4 / segmentSize, MinColdSegments, 64);
}

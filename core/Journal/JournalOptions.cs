namespace LowLatency.Core.Journal;

/// <summary>Sizes and limits of a journal.</summary>
internal sealed record JournalOptions
{
    /// <summary>Bytes of a segment of a new journal: a power of two from 1 MiB to 1 GiB. A journal that is there keeps its own.</summary>
    internal int SegmentSize { get; init; } = 64 * 1024 * 1024;

    /// <summary>Bytes at the end of the last ready segment that messages may not use: room for acks when the disk is full. 0: a sixteenth of a segment.</summary>
    internal int ReserveLength { get; init; }

    /// <summary>Retired files kept for another use; more are removed.</summary>
    internal int MaxSpares { get; init; } = 1;

    /// <summary>No new file when less than this would be left on the disk, in bytes.</summary>
    internal long MinFreeBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Publications are held back while less than this is free on the disk, in bytes; 0: never. Null: <see cref="DiskSpace.DefaultHighMark"/>.</summary>
    internal long? HighMarkBytes { get; init; }

    /// <summary>The threads that read in place, when more than one log shares them; <c>null</c>: the journal makes its own.</summary>
    internal ReaderRegistry? Readers { get; init; }

    internal void Check()
    {
        if (!SegmentLayout.IsSize(SegmentSize))
            throw new JournalException(JournalError.InvalidOption, $"A segment size of {SegmentSize} bytes is not possible: it must be a power of two from {SegmentLayout.MinSize} to {SegmentLayout.MaxSize}.");
        if (ReserveLength < 0 || ReserveLength > SegmentSize / 2)
            throw new JournalException(JournalError.InvalidOption, $"A reserve of {ReserveLength} bytes is not possible: from 0 to half a segment ({SegmentSize / 2}).");
        if (MaxSpares < 0 || MinFreeBytes < 0 || HighMarkBytes < 0)
            throw new JournalException(JournalError.InvalidOption, "MaxSpares, MinFreeBytes and HighMarkBytes may not be negative.");
    }
}

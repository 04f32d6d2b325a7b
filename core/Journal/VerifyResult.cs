namespace LowLatency.Core.Journal;

/// <summary>Overall answer of a verification.</summary>
internal enum VerifyVerdict
{
    /// <summary>There is no journal in the folder.</summary>
    Empty,

    /// <summary>Every record from the first to the last is as it was written.</summary>
    Intact,

    /// <summary>As <see cref="Intact"/>, with the beginnings of records after the last one: never confirmed at level disk. The next start cuts them off.</summary>
    TornTail,

    /// <summary>Something that was durable is not as it was written, or a segment is missing.</summary>
    Damaged,
}

/// <summary>Bytes that hold no valid record where one should be.</summary>
/// <param name="FileName">The segment's file.</param>
/// <param name="Position">First byte.</param>
/// <param name="Length">Up to the next valid record, or the end of the segment.</param>
internal sealed record DamagedRange(string FileName, long Position, long Length);

/// <summary>One segment in a verification.</summary>
internal sealed record VerifiedSegment
{
    internal required long Id { get; init; }

    internal required string FileName { get; init; }

    internal required HeaderStatus Header { get; init; }

    /// <summary>Position of the first byte of the segment.</summary>
    internal required long Base { get; init; }

    /// <summary>Valid records, markers and pads included.</summary>
    internal long Records { get; init; }

    internal long Bytes { get; init; }

    /// <summary>Epochs of its first and last valid record; 0 when it has none.</summary>
    internal uint FirstEpoch { get; init; }

    internal uint LastEpoch { get; init; }

    /// <summary>Position after its last valid record.</summary>
    internal long End { get; init; }

    /// <summary>Older than what the newest marker says is needed: left over, not read by recovery.</summary>
    internal bool IsRetired { get; init; }

    internal IReadOnlyList<DamagedRange> Damage { get; init; } = [];
}

/// <summary>What a verification found.</summary>
internal sealed record VerifyResult
{
    internal required VerifyVerdict Verdict { get; init; }

    internal IReadOnlyList<VerifiedSegment> Segments { get; init; } = [];

    /// <summary>Ids of segments that should be there and are not.</summary>
    internal IReadOnlyList<long> MissingSegments { get; init; } = [];

    /// <summary>Files in the folder that are none of the journal's.</summary>
    internal IReadOnlyList<string> UnknownFiles { get; init; } = [];

    internal long Records { get; init; }

    internal long Bytes { get; init; }

    /// <summary>Position after the last valid record before any damage or torn tail.</summary>
    internal long End { get; init; }

    /// <summary>Highest durable position that a marker tells: everything below was on disk.</summary>
    internal long KnownDurable { get; init; }

    /// <summary>Bytes from the end to the last beginning of a record after it.</summary>
    internal long TornTailBytes { get; init; }

    /// <summary>The last record is the marker of a stop in order.</summary>
    internal bool EndsClean { get; init; }

    /// <summary>The answer as a sentence.</summary>
    internal required string Text { get; init; }
}

/// <summary>How far a verification is.</summary>
/// <param name="Segment">1 for the first.</param>
/// <param name="Segments">Of so many.</param>
/// <param name="FileName">The one that comes now.</param>
internal readonly record struct VerifyProgress(int Segment, int Segments, string FileName);

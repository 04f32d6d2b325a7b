namespace LowLatency.Core.Journal;

/// <summary>One stretch of a log: memory, and the file under it when there is one.</summary>
/// <remarks>Owned by the preparer until it is offered to the log, by the engine thread until it is retired, then by the preparer again.</remarks>
internal sealed unsafe class Segment
{
    private int _populatedTo;
    private LoadSlot? _slot;
    private SegmentFile? _file;
    private byte* _memory;

    /// <summary><c>null</c> for anonymous memory.</summary>
    internal SegmentFile? File
    {
        get => Volatile.Read(ref _file);
        init => _file = value;
    }

    /// <summary>Its file, where that holds it compressed.</summary>
    internal CompressedSegmentFile? Compressed => File as CompressedSegmentFile;

    /// <summary>Its bytes. Of a compressed segment only those that were brought into memory: all, while a slot holds it.</summary>
    internal required byte* Memory
    {
        get => Compressed is { } file ? file.Memory : _memory;
        init => _memory = value;
    }

    /// <summary>A file that is to take the name of this segment's own, which was taken out of the log for it.</summary>
    internal CompressedSegmentFile? Replacement { get; private init; }

    /// <summary>Not worth compressing, or it could not be. Compressor.</summary>
    internal bool StaysPlain { get; set; }

    /// <summary>How often compressing it was begun, and given up because it was asked for. Compressor.</summary>
    internal int Begins { get; set; }

    internal required int Length { get; init; }

    /// <summary>Position &gt;&gt; log2(size): the id, with the bit of transient positions in it.</summary>
    internal long Index { get; set; }

    internal long Base => Index * Length;

    /// <summary>Start value of the header CRCs.</summary>
    internal uint Seed { get; set; }

    /// <summary>Live messages in it. Engine thread.</summary>
    internal int References;

    /// <summary>Whether recovery may start here: the snapshot that began here is whole. Engine thread.</summary>
    internal bool HasSnapshot { get; set; }

    /// <summary>End of that snapshot. Engine thread.</summary>
    internal long SnapshotEnd { get; set; }

    /// <summary>The segment may be used again when the log is durable up to here. Set before it is retired.</summary>
    internal long RetireAfter { get; set; }

    /// <summary>Pages before this offset were touched. Preparer; the engine thread takes a hint from it.</summary>
    internal int PopulatedTo
    {
        get => Volatile.Read(ref _populatedTo);
        set => Volatile.Write(ref _populatedTo, value);
    }

    /// <summary>Where it is, or will be, in memory though it is cold. Engine thread; the preparer looks at it.</summary>
    internal LoadSlot? Slot
    {
        get => Volatile.Read(ref _slot);
        set => Volatile.Write(ref _slot, value);
    }

    /// <summary>The disk does not give it back as it was written. Engine thread.</summary>
    internal bool IsUnreadable { get; set; }

    /// <summary>Bytes of the references that are not shares of a record. Engine thread.</summary>
    internal long OwnBytes { get; set; }

    /// <summary>References whose bytes are shares of a record, and those bytes. Engine thread.</summary>
    internal int SharedReferences { get; set; }

    internal long SharedBytes { get; set; }

    /// <summary>What the longest of the records that were ever shared here would take with one route. Engine thread.</summary>
    internal int LongestShared { get; set; }

    /// <summary>The most that it takes to append anew what is live here: each reference in a record of its own, with a route for its back-off, aligned. Engine thread.</summary>
    internal long MostToMove => OwnBytes + (long)SharedReferences * LongestShared + (long)References * MoveOverhead;

    private const int MoveOverhead = 64;

    /// <summary>Next in the list of retired segments.</summary>
    internal Segment? NextRetired { get; set; }

    /// <summary>Where the readers were when it was retired. Preparer.</summary>
    internal ReaderTicket Ticket;

    /// <summary>From here on the segment is read from another file, with the same bytes. Engine thread.</summary>
    /// <returns>Its file and memory of before, to be given back when no reader sees them any more.</returns>
    internal Segment ReadFrom(CompressedSegmentFile file)
    {
        var before = new Segment { File = _file, Memory = _memory, Length = Length, Index = Index, Replacement = file };
        Volatile.Write(ref _file, file);
        return before;
    }

    /// <summary>As new, for another use of the same memory.</summary>
    internal void Reset(long index, uint seed)
    {
        Index = index;
        Seed = seed;
        References = 0;
        HasSnapshot = false;
        SnapshotEnd = 0;
        RetireAfter = 0;
        IsUnreadable = false;
        StaysPlain = false;
        Begins = 0;
        OwnBytes = 0;
        SharedReferences = 0;
        SharedBytes = 0;
        LongestShared = 0;
        NextRetired = null;
        Ticket.Clear();
    }
}

namespace LowLatency.Core.Journal;

/// <summary>Receives the records of a journal from a <see cref="JournalReader"/>, in the order in which they were written.</summary>
internal interface IJournalVisitor
{
    /// <summary>One record of any type, pads and markers too. A group comes first itself, then each record in it.</summary>
    /// <param name="record">Valid during the call only.</param>
    /// <returns>False to read no more.</returns>
    bool OnRecord(in JournalRecord record);
}

/// <summary>One record, whole and checked.</summary>
internal readonly ref struct JournalRecord(RecordType type, uint streamId, long position, uint epoch, ReadOnlySpan<byte> body)
{
    internal RecordType Type { get; } = type;

    /// <summary>Queue or other stream that it is about; 0 for none.</summary>
    internal uint StreamId { get; } = streamId;

    internal long Position { get; } = position;

    /// <summary>The run that wrote it.</summary>
    internal uint Epoch { get; } = epoch;

    /// <summary>Empty for a pad.</summary>
    internal ReadOnlySpan<byte> Body { get; } = body;

    /// <summary>Bytes that it takes in its segment.</summary>
    internal int AlignedLength { get; init; }

    /// <summary>Position of the group in which it is; 0 when it stands alone.</summary>
    internal long GroupPosition { get; init; }
}

/// <summary>Why a reader read no further.</summary>
internal enum JournalEndKind
{
    End,

    /// <summary>As <see cref="End"/>, with the beginnings of records after it that the next start cuts off.</summary>
    TornTail,

    /// <summary>Something that was durable is not as it was written.</summary>
    Damaged,

    MissingSegment,

    /// <summary>The broker took away what was being read: what was read is no whole journal.</summary>
    Retired,

    /// <summary>The visitor wanted no more.</summary>
    Stopped,
}

/// <summary>Where and why a reader read no further.</summary>
internal sealed record JournalEnd
{
    internal required JournalEndKind Kind { get; init; }

    /// <summary>After the last record that was read.</summary>
    internal required long Position { get; init; }

    /// <summary>The last record is the marker of a stop in order.</summary>
    internal bool EndsClean { get; init; }

    /// <summary>As a sentence that says what to do where something is to be done.</summary>
    internal required string Text { get; init; }
}

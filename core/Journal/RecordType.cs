namespace LowLatency.Core.Journal;

/// <summary>What a record is. Persisted: values are frozen, new ones are only added.</summary>
/// <remarks>The journal owns <see cref="Pad"/> and <see cref="Marker"/>; the bodies of all others belong to the engine.</remarks>
internal enum RecordType : ushort
{
    /// <summary>Fills a segment from the last record to its end. Its body is not read.</summary>
    Pad = 1,

    /// <summary>A message with its routes. It may not use the reserve of the last segment.</summary>
    Message = 2,

    Ack = 3,
    Requeue = 4,
    Delivered = 5,
    DefineQueue = 6,
    DeleteQueue = 7,
    DefineExchange = 8,
    DeleteExchange = 9,
    Bind = 10,
    Unbind = 11,
    DefinePublisher = 12,

    /// <summary>Carries the durable position known when it was written: see <see cref="MarkerLayout"/>.</summary>
    Marker = 13,

    Restart = 14,

    /// <summary>First record of a segment (markers aside) when the engine wrote its base state there.</summary>
    SnapshotBegin = 15,

    SnapshotQueue = 16,
    SnapshotPublisher = 17,

    /// <summary>The snapshot is whole: recovery may start at the segment in which it began.</summary>
    SnapshotEnd = 18,

    /// <summary>A publisher's name and sequence are no longer kept: the limit of names was reached.</summary>
    ForgetPublisher = 19,

    /// <summary>There was no room for the rest of the snapshot that was begun: what follows is no part of it.</summary>
    SnapshotAbort = 20,

    /// <summary>Records that are one change: its body is whole records with headers at their own positions, without CRCs; the group's covers them.</summary>
    Group = 21,

    /// <summary>Messages left their queue without an ack: reason, time, ranges.</summary>
    Drop = 22,

    /// <summary>Scheduled messages became ready, with their sequences.</summary>
    Due = 23,

    /// <summary>Messages came back and wait: until when, ranges.</summary>
    Defer = 24,

    DefineVirtualHost = 25,
    DeleteVirtualHost = 26,

    /// <summary>Live messages of an old record, with what their queues know of them: the record that they had before is not needed any more. It may not use the reserve either.</summary>
    Moved = 27,
}

/// <summary>Which types there are.</summary>
internal static class RecordTypes
{
    internal const RecordType Newest = RecordType.Moved;

    /// <summary>False for a type that a newer broker has added: to pass over it would be to lose what it says.</summary>
    internal static bool IsKnown(RecordType type) => type is >= RecordType.Pad and <= Newest;

    /// <summary>Such a record ends exactly at the end of a segment only when the one after it is there: a pad, and what may not use the reserve.</summary>
    internal static bool FillsOnlyBeforeAnother(RecordType type) => type is RecordType.Pad or RecordType.Message or RecordType.Moved;
}

namespace LowLatency.Core.Queues;

/// <summary>What a message brings along into a queue. The values are bits of <see cref="QueueEntry"/>.</summary>
[Flags]
internal enum EntryMarks : byte
{
    None = 0,

    /// <summary>Its record went to several queues.</summary>
    Shared = 0x08,

    /// <summary>It may have been delivered in a time of which the journal's end was lost.</summary>
    MaybeDelivered = 0x80,
}

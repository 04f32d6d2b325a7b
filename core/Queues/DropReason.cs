namespace LowLatency.Core.Queues;

/// <summary>Why messages left a queue without an ack. Persisted: values are frozen.</summary>
internal enum DropReason : byte
{
    Rejected = 1,
    Expired = 2,

    /// <summary>A bound of the queue.</summary>
    MaxLength = 3,

    DeliveryLimit = 4,
    Purged = 5,

    /// <summary>A newer message with its key is held. Never dead-lettered.</summary>
    Replaced = 6,
}

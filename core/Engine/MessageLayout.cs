namespace LowLatency.Core.Engine;

/// <summary>Body of a <c>Message</c> record, in bytes from the start of the body. Little endian. See docs/journal.md.</summary>
/// <remarks>
/// <code>
///  0 u64 publisher sequence      24 i64 received ns          40 u32 body length
///  8 u32 publisher id            32 u32 journaled delta ns   44 u32 exchange id
/// 12 u16 routes, u16 flags       36 u16 routing key length   48 routes: count x (u64 queue sequence, u32 queue id, u32 flags)
/// 16 i64 published ns            38 u16 headers length          then routing key, headers, body
/// </code>
/// The 24 bytes from <see cref="PublishedNs"/> to <see cref="HeadersLength"/> are the same, in the same order, in a deliver frame.
/// </remarks>
internal static class MessageLayout
{
    internal const int PublisherSequence = 0;
    internal const int PublisherId = 8;
    internal const int RouteCount = 12;
    internal const int Flags = 14;
    internal const int PublishedNs = 16;
    internal const int ReceivedNs = 24;
    internal const int JournaledDeltaNs = 32;
    internal const int RoutingKeyLength = 36;
    internal const int HeadersLength = 38;
    internal const int BodyLength = 40;
    internal const int ExchangeId = 44;
    internal const int Routes = 48;

    internal const int RouteLength = 16;
    internal const int RouteQueueSequence = 0;
    internal const int RouteQueueId = 8;
    internal const int RouteFlags = 12;

    /// <summary>The message is scheduled: in the place of its sequence is the queue's schedule number.</summary>
    internal const uint ScheduledFlag = 1;

    /// <summary>A dead letter that may have been moved and delivered before: the journal's end was lost then.</summary>
    internal const uint MaybeDeliveredFlag = 2;

    /// <summary>Of a <c>Moved</c> record: it was scheduled for this queue, and became due.</summary>
    internal const uint WasScheduledFlag = 4;

    /// <summary>Of a <c>Moved</c> record: delivered and not settled.</summary>
    internal const uint UnsettledFlag = 8;

    /// <summary>Of a <c>Moved</c> record: never delivered, and nothing behind it was.</summary>
    internal const uint FreshFlag = 16;

    /// <summary>Of a <c>Moved</c> record: not a queue but, for the one before it, the Unix time in nanoseconds at which its back-off ends.</summary>
    internal const uint DelayedFlag = 32;

    /// <summary>Of a <c>Moved</c> record: how often it came back stands above these bits.</summary>
    internal const int DeliveryCountShift = 16;

    /// <summary>Length of the block that a deliver frame repeats as it is.</summary>
    internal const int DeliveredBlockLength = 24;

    /// <summary>Offset of routing key, headers and body for a message with that many routes.</summary>
    internal static int Payload(int routes) => Routes + routes * RouteLength;
}

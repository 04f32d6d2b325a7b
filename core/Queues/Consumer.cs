using LowLatency.Core.Engine;

namespace LowLatency.Core.Queues;

/// <summary>A subscription as the engine sees it: a session's share of one queue, or its view of it. Engine thread only.</summary>
/// <remarks>What it may still be given is its credit, and beside it what one <see cref="ConsumerPull"/> asks for.</remarks>
internal sealed class Consumer(Session session, uint handle, BrokerQueue queue, SubscribeFlags flags, uint firstCredit)
{
    internal Session Session { get; } = session;

    internal uint Handle { get; } = handle;

    internal BrokerQueue Queue { get; } = queue;

    /// <summary>Higher goes first.</summary>
    internal int Priority { get; init; }

    /// <summary>Most unsettled messages; 0 for no limit of its own.</summary>
    internal uint MaxUnacked { get; init; }

    internal bool IsNoAck { get; } = (flags & SubscribeFlags.NoAck) != 0;

    /// <summary>The queue has no other subscription beside it.</summary>
    internal bool IsExclusive { get; } = (flags & SubscribeFlags.Exclusive) != 0;

    /// <summary>It is shown messages and takes none.</summary>
    internal bool IsViewer { get; } = (flags & (SubscribeFlags.Browse | SubscribeFlags.Conflate)) != 0;

    /// <summary>Its deliveries wait to be settled.</summary>
    internal bool KeepsTags => !IsNoAck && !IsViewer;

    /// <summary>For a conflating one: the newest message per key.</summary>
    internal Conflation? Conflation { get; init; }

    /// <summary>For a browsing one: the first queue sequence that it was not shown.</summary>
    internal long BrowseNext { get; set; }

    /// <summary>For one that is shown messages: index of the cold segment from which it read last.</summary>
    internal ref long ColdReader => ref _coldReader;

    private long _coldReader = -1;

    /// <summary>The broker ended it: what still comes is ignored until the client closes it too.</summary>
    internal bool IsEnded { get; set; }

    /// <summary>The client ended it but for what is unsettled: nothing more is delivered.</summary>
    internal bool IsKept { get; set; }

    internal TagRing Tags { get; } = new((flags & (SubscribeFlags.NoAck | SubscribeFlags.Browse | SubscribeFlags.Conflate)) != 0 ? 0 : firstCredit);

    internal ConsumerPull Pull { get; } = new();

    /// <summary>Time of the batch in which it last took or settled something, or began. Unix time in nanoseconds.</summary>
    internal long LastTakenNs { get; set; }

    /// <summary>Messages that may still be delivered. Never negative.</summary>
    internal uint CreditMessages { get; private set; }

    /// <summary>Payload bytes that may still be delivered; <see cref="ulong.MaxValue"/> is no bound.</summary>
    internal ulong CreditBytes { get; private set; }

    internal bool CanTake(int payloadLength) =>
        (Pull.CanTake(payloadLength) || (CreditMessages > 0 && CreditBytes >= (ulong)payloadLength))
        && !Tags.IsAtMaxSpan
        && (MaxUnacked == 0 || Tags.UnsettledCount < MaxUnacked)
        && (!Session.IsAtMaxUnacked || !KeepsTags);

    /// <summary>Whether so much credit more stays within <paramref name="maxMessages"/> outstanding: credit and unsettled.</summary>
    /// <param name="settled">Unsettled messages that are about to be settled.</param>
    internal bool HasRoomForCredit(uint messages, int settled, int maxMessages) =>
        (long)messages + CreditMessages + Tags.UnsettledCount - settled <= maxMessages;

    internal void AddCredit(uint messages, ulong bytes)
    {
        CreditMessages += messages;
        CreditBytes = bytes > ulong.MaxValue - CreditBytes ? ulong.MaxValue : CreditBytes + bytes;
    }

    /// <summary>Pays for a delivery, which <see cref="CanTake"/> has allowed.</summary>
    internal void Take(int payloadLength)
    {
        if (Pull.CanTake(payloadLength))
        {
            Pull.Take(payloadLength);
            return;
        }
        CreditMessages--;
        if (CreditBytes != ulong.MaxValue)
            CreditBytes -= (ulong)payloadLength;
    }
}

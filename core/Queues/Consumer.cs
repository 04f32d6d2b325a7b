using LowLatency.Core.Engine;

namespace LowLatency.Core.Queues;

/// <summary>A subscription as the engine sees it: a session's share of one queue. Engine thread only.</summary>
internal sealed class Consumer(Session session, uint handle, BrokerQueue queue, uint firstCredit)
{
    internal Session Session { get; } = session;

    internal uint Handle { get; } = handle;

    internal BrokerQueue Queue { get; } = queue;

    /// <summary>The broker ended it: what still comes is ignored until the client closes it too.</summary>
    internal bool IsEnded { get; set; }

    internal TagRing Tags { get; } = new(firstCredit);

    /// <summary>Messages that may still be delivered. Never negative.</summary>
    internal uint CreditMessages { get; private set; }

    /// <summary>Payload bytes that may still be delivered; <see cref="ulong.MaxValue"/> is no bound.</summary>
    internal ulong CreditBytes { get; private set; }

    internal bool CanTake(int payloadLength) =>
        CreditMessages > 0 && CreditBytes >= (ulong)payloadLength && !Tags.IsAtMaxSpan;

    /// <summary>Adds credit; what would pass <paramref name="maxMessages"/> outstanding (credit and unsettled) is cut.</summary>
    internal void AddCredit(uint messages, ulong bytes, int maxMessages)
    {
        long room = Math.Max(0, (long)maxMessages - CreditMessages - Tags.UnsettledCount);
        CreditMessages += (uint)Math.Min(messages, room);
        CreditBytes = bytes > ulong.MaxValue - CreditBytes ? ulong.MaxValue : CreditBytes + bytes;
    }

    /// <summary>When it was last given a message, or began. Unix time in nanoseconds.</summary>
    internal long TakenNs { get; set; }

    internal void Take(int payloadLength)
    {
        CreditMessages--;
        if (CreditBytes != ulong.MaxValue)
            CreditBytes -= (ulong)payloadLength;
    }
}

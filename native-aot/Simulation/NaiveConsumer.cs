using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A subscription: its credit, what it has not settled.</summary>
internal sealed class NaiveConsumer(NaiveSession session, uint handle, NaiveQueue queue, Subscribe opened)
{
    internal NaiveSession Session { get; } = session;

    internal uint Handle { get; } = handle;

    internal NaiveQueue Queue { get; } = queue;

    internal int Priority { get; } = opened.Priority;

    internal SubscribeFlags Flags { get; } = opened.Flags;

    internal uint MaxUnacked { get; } = opened.MaxUnacked;

    internal bool IsNoAck => (Flags & SubscribeFlags.NoAck) != 0;

    internal bool IsExclusive => (Flags & SubscribeFlags.Exclusive) != 0;

    internal bool IsEnded { get; set; }

    internal ulong NextTag { get; set; } = 1;

    /// <summary>Sequences by tag.</summary>
    internal SortedDictionary<ulong, long> Unsettled { get; } = [];

    internal long CreditMessages { get; private set; }

    internal ulong CreditBytes { get; private set; }

    /// <summary>Deliveries of the batch that is being checked.</summary>
    internal int BatchCount { get; set; }

    internal void AddCredit(uint messages, ulong bytes, int limit)
    {
        CreditMessages += Math.Min(messages, Math.Max(0, limit - CreditMessages - Unsettled.Count));
        CreditBytes = bytes > ulong.MaxValue - CreditBytes ? ulong.MaxValue : CreditBytes + bytes;
    }

    internal void Take(int payloadLength)
    {
        CreditMessages--;
        if (CreditBytes != ulong.MaxValue)
            CreditBytes -= (ulong)payloadLength;
    }

    internal bool CanTake(int payloadLength) => CreditMessages > 0 && CreditBytes >= (ulong)payloadLength && HasRoomForUnsettled;

    internal bool HasRoomForUnsettled =>
        (MaxUnacked == 0 || Unsettled.Count < MaxUnacked) && (Session.MaxUnacked == 0 || Session.UnsettledCount < Session.MaxUnacked);
}
